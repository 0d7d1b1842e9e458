//! One client connection: which HTTP it speaks, its deadlines, its end when the server stops.

use super::Worker;
use crate::limits;
use crate::shutdown::Stopping;
use http::HeaderValue;
use http::uri::Scheme;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// How every HTTP/2 connection begins, as far as no HTTP/1 request does.
const H2_PREFACE: &[u8; 3] = b"PRI";
/// Between two looks at a connection that has sent less than that.
const PREFACE_POLL: Duration = Duration::from_millis(5);
const H2_PING_INTERVAL: Duration = Duration::from_secs(20);
const H2_PING_TIMEOUT: Duration = Duration::from_secs(10);

/// What is known of the client.
pub struct Client {
    /// The thread it is served on.
    pub worker: Arc<Worker>,
    /// Its address, as a header value.
    pub address: HeaderValue,
    /// HTTP or HTTPS.
    pub scheme: Scheme,
}

impl Client {
    /// The client at `address`.
    pub fn new(worker: Arc<Worker>, address: SocketAddr, tls: bool) -> Option<Arc<Self>> {
        let scheme = if tls { Scheme::HTTPS } else { Scheme::HTTP };
        let address = HeaderValue::try_from(address.to_string()).ok()?;
        Some(Arc::new(Self {
            worker,
            address,
            scheme,
        }))
    }

    /// Serves a plain connection; HTTP/2 is recognised by its preface.
    pub async fn serve_plain(self: Arc<Self>, stream: TcpStream, mut stopping: Stopping) {
        let limit = self.worker.shared.up.header_read_timeout;
        let h2 = tokio::select! {
            biased;
            h2 = timeout(limit, speaks_h2(&stream)) => h2,
            () = stopping.stopped() => return,
        };
        // Otherwise the client sent nothing in time, or went away.
        if let Ok(Ok(h2)) = h2 {
            self.serve(stream, h2, stopping).await;
        }
    }

    /// Serves a connection to its end.
    pub async fn serve<S>(self: Arc<Self>, stream: S, h2: bool, stopping: Stopping)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(stream);
        let address = self.address.clone();
        let result = match h2 {
            true => self.serve_h2(io, stopping).await,
            false => self.serve_h1(io, stopping).await,
        };
        if let Err(error) = result {
            tracing::debug!(client = ?address, %error, "connection ended");
        }
    }

    async fn serve_h1<S>(
        self: Arc<Self>,
        io: TokioIo<S>,
        mut stopping: Stopping,
    ) -> hyper::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let up = &self.worker.shared.up;
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(up.header_read_timeout)
            .max_buf_size(up.http1_max_buf_size)
            .max_headers(limits::HEADERS_MAX)
            .pipeline_flush(true);
        let client = self.clone();
        let service = service_fn(move |request| {
            let client = client.clone();
            async move { Ok::<_, Infallible>(client.respond(request).await) }
        });
        let mut connection = pin!(builder.serve_connection(io, service));
        tokio::select! {
            biased;
            result = &mut connection => return result,
            () = stopping.stopped() => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    }

    async fn serve_h2<S>(
        self: Arc<Self>,
        io: TokioIo<S>,
        mut stopping: Stopping,
    ) -> hyper::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits::H2_STREAMS_MAX)
            .max_header_list_size(u32::try_from(limits::HEAD_BYTES_MAX).unwrap_or(u32::MAX))
            .keep_alive_interval(H2_PING_INTERVAL)
            .keep_alive_timeout(H2_PING_TIMEOUT);
        let client = self.clone();
        let service = service_fn(move |request| {
            let client = client.clone();
            async move { Ok::<_, Infallible>(client.respond(request).await) }
        });
        let mut connection = pin!(builder.serve_connection(io, service));
        tokio::select! {
            biased;
            result = &mut connection => return result,
            () = stopping.stopped() => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    }
}

/// Looks at the first bytes without taking them.
async fn speaks_h2(stream: &TcpStream) -> std::io::Result<bool> {
    let mut start = [0; H2_PREFACE.len()];
    loop {
        match stream.peek(&mut start).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            seen if start[..seen] != H2_PREFACE[..seen] => return Ok(false),
            seen if seen == H2_PREFACE.len() => return Ok(true),
            // One byte at a time is rare, and waiting for the socket would return at once.
            _ => sleep(PREFACE_POLL).await,
        }
    }
}
