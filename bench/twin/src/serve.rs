//! One thread's connections, with the host's limits: HTTP/1 by hyper, routed by axum.

use crate::limits;
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;

/// How long to wait after an accept error, mostly for want of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

static REQUESTS: AtomicUsize = AtomicUsize::new(0);
static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);

/// One of a limited number, returned when dropped.
pub struct Permit(&'static AtomicUsize);

impl Permit {
    pub fn of_request() -> Option<Permit> {
        Permit::take(&REQUESTS, limits::REQUESTS_MAX)
    }

    fn take(taken: &'static AtomicUsize, max: usize) -> Option<Permit> {
        let permit = Permit(taken);
        (taken.fetch_add(1, Ordering::Relaxed) < max).then_some(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves until `stopping`, then drains requests in flight up to the deadline.
pub async fn serve(
    listener: std::net::TcpListener,
    router: Router,
    stopping: CancellationToken,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let tracker = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopping.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                // A connection over the limit is closed at once.
                if let Some(permit) = Permit::take(&CONNECTIONS, limits::CONNECTIONS_MAX) {
                    let serving = connection(stream, router.clone(), stopping.clone());
                    tracker.spawn(async move {
                        serving.await;
                        drop(permit);
                    });
                }
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                sleep(ACCEPT_RETRY).await;
            }
        }
    }
    tracker.close();
    if timeout(limits::DRAIN_TIMEOUT, tracker.wait())
        .await
        .is_err()
    {
        tracing::warn!("closed connections that did not end in time");
    }
    Ok(())
}

async fn connection(stream: TcpStream, router: Router, stopping: CancellationToken) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEADER_READ_TIMEOUT)
        .max_buf_size(limits::HEAD_BYTES_MAX)
        .max_headers(limits::HEADERS_MAX);
    let service = service_fn(move |request: http::Request<_>| router.clone().call(request));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

pub fn busy() -> Response {
    let mut response = empty(StatusCode::SERVICE_UNAVAILABLE);
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
