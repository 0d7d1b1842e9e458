//! One client connection: its HTTP version, its deadlines, and its end when the server stops, when its client stalls or
//! when it is evicted.

use super::Worker;
use super::account::{Account, Ending};
use super::answers;
use super::watched::Watched;
use crate::limits;
use crate::shutdown::Stopping;
use bytes::{Bytes, BytesMut};
use http::uri::Scheme;
use http::{HeaderValue, StatusCode};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

/// The first bytes of every HTTP/2 connection; no HTTP/1 request begins like that.
const H2_PREFACE: &[u8; 3] = b"PRI";
/// Interval of the pings on an HTTP/2 connection.
const H2_PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long a client may take to answer a ping.
const H2_PING_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of the buffer for what is read and discarded after the last reply.
const LINGER_PIECE_BYTES: usize = 16 * 1024;

/// What is known about the client.
pub struct Client {
    /// The thread it is served on.
    pub worker: Arc<Worker>,
    /// Its address, as a header value.
    pub address: HeaderValue,
    /// `http` or `https`.
    pub scheme: Scheme,
    /// What it holds of the host.
    pub account: Arc<Account>,
}

impl Client {
    /// The client at `address`; `None` where that is no header value, which does not happen.
    pub fn new(
        worker: Arc<Worker>,
        address: SocketAddr,
        tls: bool,
        account: Arc<Account>,
    ) -> Option<Arc<Self>> {
        let scheme = if tls { Scheme::HTTPS } else { Scheme::HTTP };
        let address = HeaderValue::try_from(address.to_string()).ok()?;
        Some(Arc::new(Self {
            worker,
            address,
            scheme,
            account,
        }))
    }

    /// Serves a connection without TLS; HTTP/2 is recognised by its preface.
    pub async fn serve_plain<S>(self: Arc<Self>, mut stream: S, mut stopping: Stopping)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let limit = self.worker.shared.up.header_read_timeout;
        let mut ahead = BytesMut::with_capacity(H2_PREFACE.len());
        let begun = tokio::select! {
            biased;
            begun = timeout(limit, begin(&mut stream, &mut ahead)) => begun,
            () = stopping.stopped() => return,
            _ = self.account.asked_to_end(true) => return,
        };
        match begun {
            Ok(Ok(true)) => self.serve(stream, ahead.freeze(), true, stopping).await,
            Ok(Ok(false)) => self.serve(stream, ahead.freeze(), false, stopping).await,
            Err(_) if !ahead.is_empty() => self.end_late(stream).await,
            // The client sent nothing in time, or went away.
            Ok(Err(_)) | Err(_) => {}
        }
    }

    /// Serves a connection to its end; `ahead` was read from `stream` before.
    pub async fn serve<S>(self: Arc<Self>, stream: S, ahead: Bytes, h2: bool, stopping: Stopping)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let shared = self.worker.shared.clone();
        let watched = Watched::new(stream, ahead, self.account.clone(), shared, h2);
        let io = TokioIo::new(watched);
        match h2 {
            // Boxed, so that the many idle HTTP/1 connections do not reserve the room that HTTP/2 needs.
            true => Box::pin(self.serve_h2(io, stopping)).await,
            false => self.serve_h1(io, stopping).await,
        }
    }

    async fn serve_h1<S>(self: Arc<Self>, io: TokioIo<Watched<S>>, stopping: Stopping)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let up = &self.worker.shared.up;
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(up.header_read_timeout)
            .max_buf_size(up.http1_max_buf_size)
            .max_header_size(up.http1_max_buf_size)
            .max_headers(limits::HEADERS_MAX)
            // A client that has closed its sending side still wants its answer.
            .half_close(true);
        let client = self.clone();
        let service = service_fn(move |request| {
            let client = client.clone();
            async move { Ok::<_, Infallible>(client.respond(request).await) }
        });
        let mut connection = builder.serve_connection(io, service);
        let shutdown = |connection: Pin<&mut http1::Connection<_, _>>| {
            connection.graceful_shutdown();
        };
        let ended = self.drive(&mut connection, shutdown, stopping).await;
        let Some(result) = ended else {
            return;
        };
        let parts = connection.into_parts();
        let stream = parts.io.into_inner().into_inner();
        let ending = async {
            match result {
                Err(error) if error.is_timeout() && !parts.read_buf.is_empty() => {
                    self.end_late(stream).await
                }
                Err(error) if !error.is_parse() => self.ended(&error),
                _ => linger(stream, up.max_body_bytes).await,
            }
        };
        tokio::select! {
            biased;
            _ = self.account.asked_to_end(false) => {}
            () = ending => {}
        }
    }

    async fn serve_h2<S>(self: Arc<Self>, io: TokioIo<Watched<S>>, stopping: Stopping)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits::H2_STREAMS_MAX)
            .max_header_list_size(limits::H2_HEAD_BYTES_READ_MAX)
            .initial_stream_window_size(limits::H2_STREAM_WINDOW_BYTES)
            .initial_connection_window_size(limits::H2_CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(limits::REPLY_BUFFERED_BYTES_MAX)
            .max_local_error_reset_streams(limits::H2_RESETS_MAX)
            .keep_alive_interval(H2_PING_INTERVAL)
            .keep_alive_timeout(H2_PING_TIMEOUT);
        let client = self.clone();
        let service = service_fn(move |request| {
            let client = client.clone();
            async move { Ok::<_, Infallible>(client.respond(request).await) }
        });
        let mut connection = builder.serve_connection(io, service);
        let shutdown = |connection: Pin<&mut http2::Connection<_, _, _>>| {
            connection.graceful_shutdown();
        };
        let ended = self.drive(&mut connection, shutdown, stopping).await;
        if let Some(Err(error)) = ended {
            self.ended(&error);
        }
    }

    /// Serves `connection` to its end. Calls `shutdown` when the server stops or the connection is old; `None` where it
    /// was asked to end at once.
    async fn drive<C: Future + Unpin>(
        &self,
        connection: &mut C,
        shutdown: impl Fn(Pin<&mut C>),
        mut stopping: Stopping,
    ) -> Option<C::Output> {
        let mut last = false;
        loop {
            tokio::select! {
                biased;
                result = &mut *connection => return Some(result),
                ending = self.account.asked_to_end(!last) => match ending {
                    Ending::AtOnce => return None,
                    Ending::Gracefully => {}
                },
                () = stopping.stopped(), if !last => {}
            }
            last = true;
            shutdown(Pin::new(connection));
        }
    }

    /// Answers 408 to a client whose head took too long.
    async fn end_late(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let reply = answers::wire(
            StatusCode::REQUEST_TIMEOUT,
            "the head of the request did not come in time",
            self.worker.shared.application.origins.as_ref(),
        );
        let said = async {
            stream.write_all(&reply).await?;
            stream.shutdown().await
        };
        if matches!(timeout(limits::LINGER_PAUSE_MAX, said).await, Ok(Ok(()))) {
            linger(stream, 0).await;
        }
    }

    fn ended(&self, error: &hyper::Error) {
        tracing::debug!(client = ?self.address, %error, "connection ended");
    }
}

/// Reads as many bytes as it takes to tell the protocols apart; `true` for HTTP/2.
async fn begin(
    stream: &mut (impl AsyncRead + Unpin),
    ahead: &mut BytesMut,
) -> std::io::Result<bool> {
    while ahead.len() < H2_PREFACE.len() {
        let room = H2_PREFACE.len() - ahead.len();
        let mut piece = [0; H2_PREFACE.len()];
        let read = stream.read(&mut piece[..room]).await?;
        if read == 0 && ahead.is_empty() {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        ahead.extend_from_slice(&piece[..read]);
        if read == 0 || !H2_PREFACE.starts_with(ahead) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reads on for a while after the last reply: closing a socket with unread bytes resets the connection, and the client
/// may lose a reply that it has not read yet.
async fn linger(mut stream: impl AsyncRead + Unpin, body_bytes_max: u64) {
    let deadline = Instant::now() + limits::LINGER_MAX;
    let mut left =
        body_bytes_max.saturating_mul(limits::LINGER_BODIES_MAX) + LINGER_PIECE_BYTES as u64;
    let mut piece = vec![0; LINGER_PIECE_BYTES];
    loop {
        let until = deadline.min(Instant::now() + limits::LINGER_PAUSE_MAX);
        match timeout_at(until, stream.read(&mut piece)).await {
            Ok(Ok(read)) if read > 0 && left > read as u64 => left -= read as u64,
            _ => return,
        }
    }
}
