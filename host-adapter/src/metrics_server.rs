//! `/metrics`, on its own port: it must answer when the application does not, and no client should reach it.

use crate::metrics::Metrics;
use crate::shutdown::Stopping;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Open connections; one more is closed at once.
const CONNECTIONS_MAX: usize = 16;
/// How long a client may take to send a request's head, and how long it may stay idle.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(60);
/// Pause after an accept error.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// Serves until `stopping`.
pub async fn serve(listener: TcpListener, metrics: Arc<Metrics>, mut stopping: Stopping) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopping.stopped() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_RETRY).await;
            continue;
        };
        let Ok(permit) = permits.clone().try_acquire_owned() else {
            continue;
        };
        let metrics = metrics.clone();
        tokio::spawn(async move {
            answer(stream, metrics).await;
            drop(permit);
        });
    }
}

async fn answer(stream: TcpStream, metrics: Arc<Metrics>) {
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let response = page(request.uri().path(), &metrics);
        async move { Ok::<_, Infallible>(response) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT);
    if let Err(error) = builder
        .serve_connection(TokioIo::new(stream), service)
        .await
    {
        tracing::debug!(%error, "metrics connection ended");
    }
}

fn page(path: &str, metrics: &Metrics) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    if path != "/metrics" {
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    }
    match metrics.render() {
        Ok(text) => {
            let kind = HeaderValue::from_static("text/plain; version=0.0.4");
            response.headers_mut().insert(CONTENT_TYPE, kind);
            *response.body_mut() = Full::from(text);
        }
        Err(error) => {
            tracing::error!(%error, "could not render the metrics");
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
    }
    response
}
