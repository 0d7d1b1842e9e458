//! `/metrics` and `/health` on their own port.

use crate::process::metrics::Metrics;
use crate::process::progress;
use crate::process::shutdown::Shutdown;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Open connections; one more is closed at once.
const CONNECTIONS_MAX: usize = 64;
/// How long a client may take to send a request's head, and how long it may stay idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection is served.
const CONNECTION_MAX: Duration = Duration::from_secs(300);
/// Pause after an accept error.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until stopping.
pub async fn run(listener: TcpListener, metrics: Arc<Metrics>, mut shutdown: Shutdown) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            () = shutdown.wait() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Mostly out of file descriptors.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Beyond the bound, the connection is closed at once.
        let Ok(permit) = permits.clone().try_acquire_owned() else {
            continue;
        };
        let metrics = metrics.clone();
        tokio::spawn(async move {
            let _permit = permit;
            let service = service_fn(|request| {
                let reply = reply(&request, &metrics);
                async move { Ok::<_, Infallible>(reply) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            // A client that goes away early is no error.
            let _ = tokio::time::timeout(CONNECTION_MAX, connection).await;
        });
    }
}

fn reply(request: &Request<Incoming>, metrics: &Metrics) -> Response<Full<Bytes>> {
    let (status, kind, text) = match request.uri().path() {
        "/metrics" => match metrics.render() {
            Ok(text) => (StatusCode::OK, "text/plain; version=0.0.4", text),
            Err(error) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "text/plain",
                format!("metrics cannot be shown: {error}\n"),
            ),
        },
        "/health" => (StatusCode::OK, "application/json", progress::health()),
        _ => (
            StatusCode::NOT_FOUND,
            "text/plain",
            "there are /metrics and /health\n".to_owned(),
        ),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}
