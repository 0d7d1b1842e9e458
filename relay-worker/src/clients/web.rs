//! Requests over plain HTTP, each with a deadline and a bound on its answer.

use crate::limits::{HTTP_BODY_BYTES_MAX, HTTP_TIMEOUT_MS};
use anyhow::Context;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::time::Duration;

/// A client; clones share its connections.
#[derive(Clone, Debug)]
pub struct Web(Client<HttpConnector, Full<Bytes>>);

impl Default for Web {
    fn default() -> Web {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_millis(HTTP_TIMEOUT_MS)));
        Web(Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(2)
            .build(connector))
    }
}

impl Web {
    /// Sends a request and gives the whole answer, whatever its status is.
    ///
    /// # Errors
    /// When no whole answer came in time, or it was too long.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
        let exchange = async {
            let response = self.0.request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), HTTP_BODY_BYTES_MAX);
            let body = body.collect().await;
            let body = body.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?;
            anyhow::Ok((status, body.to_bytes()))
        };
        tokio::time::timeout(Duration::from_millis(HTTP_TIMEOUT_MS), exchange)
            .await
            .with_context(|| format!("no answer within {HTTP_TIMEOUT_MS} ms"))?
    }
}
