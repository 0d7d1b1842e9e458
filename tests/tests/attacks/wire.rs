//! HTTP/1.1 by hand, for requests that no client would send and replies that no client would read this way.

use anyhow::{Context, Result, bail, ensure};
use platform::shop::{key, order_body};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// How long a reply may take once the client has sent its whole request.
pub const REPLY_WITHIN: Duration = Duration::from_secs(2);
/// How long anything else may take that does not wait for the host's work.
const SEND_WITHIN: Duration = Duration::from_secs(5);
/// The receive buffer of a client that reads slowly: the smallest the system gives.
const NARROW_BYTES: u32 = 2048;

pub struct Wire {
    pub stream: TcpStream,
    /// Bytes read that are not yet part of a reply.
    unread: Vec<u8>,
}

/// A whole reply.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The beginning of the text, for error messages.
    pub fn begin(&self) -> String {
        const CHARS: usize = 120;
        self.text().chars().take(CHARS).collect()
    }

    /// Fails unless this is a well-formed refusal: 4xx (or 505) with the platform's error body.
    pub fn is_refusal(&self) -> Result<()> {
        let (status, text) = (self.status, self.begin());
        ensure!(matches!(status, 400..=499 | 505), "{status} {text:?}");
        let body: Value = serde_json::from_slice(&self.body)
            .with_context(|| format!("{status} with {text:?}, which is no JSON"))?;
        let is_text = |name: &str| body[name].as_str().is_some_and(|text| !text.is_empty());
        let is_whole =
            body["code"].is_u64() && ["message", "error", "trace_id"].iter().all(|n| is_text(n));
        ensure!(is_whole, "{status} with {text}, which lacks a field");
        Ok(())
    }
}

impl Wire {
    pub async fn connect(address: SocketAddr) -> Result<Wire> {
        Wire::of(TcpSocket::new_v4()?, address).await
    }

    /// Connects with a small receive buffer.
    pub async fn narrow(address: SocketAddr) -> Result<Wire> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(NARROW_BYTES)?;
        Wire::of(socket, address).await
    }

    async fn of(socket: TcpSocket, address: SocketAddr) -> Result<Wire> {
        let stream = timeout(SEND_WITHIN, socket.connect(address))
            .await
            .context("no connection")??;
        stream.set_nodelay(true)?;
        let unread = Vec::new();
        Ok(Wire { stream, unread })
    }

    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let sent = timeout(SEND_WITHIN, self.stream.write_all(bytes)).await;
        sent.context("the host takes no more")?
            .context("could not send")
    }

    /// The next reply, where it is complete within this time.
    pub async fn reply(&mut self, within: Duration) -> Result<Reply> {
        timeout(within, self.read_reply())
            .await
            .unwrap_or_else(|_| bail!("no whole reply within {within:?}"))
    }

    async fn read_reply(&mut self) -> Result<Reply> {
        let end = loop {
            if let Some(at) = find(&self.unread, b"\r\n\r\n") {
                break at + 4;
            }
            ensure!(self.more().await? > 0, "an empty reply");
        };
        let head: Vec<u8> = self.unread.drain(..end).collect();
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("no status in {head:?}"))?;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"));
        let body = match length {
            Some(length) => self.take(length.trim().parse()?).await?,
            None if head.contains("transfer-encoding: chunked") => self.chunks().await?,
            None => bail!("a reply without length: {head:?}"),
        };
        Ok(Reply { status, body })
    }

    async fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(at) = find(&self.unread, b"\r\n") {
                    break at;
                }
                ensure!(self.more().await? > 0, "the reply breaks off");
            };
            let line: Vec<u8> = self.unread.drain(..end + 2).collect();
            let size = usize::from_str_radix(std::str::from_utf8(&line)?.trim(), 16)?;
            let chunk = self.take(size + 2).await?;
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }

    async fn take(&mut self, count: usize) -> Result<Vec<u8>> {
        while self.unread.len() < count {
            ensure!(self.more().await? > 0, "the reply breaks off");
        }
        Ok(self.unread.drain(..count).collect())
    }

    async fn more(&mut self) -> Result<usize> {
        let read = self.stream.read_buf(&mut self.unread).await;
        read.context("the connection broke instead of a reply")
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|part| part == wanted)
}

pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: shop\r\n\r\n").into_bytes()
}

pub fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

/// A create of one unit under a new key.
pub fn create(user: u64, product: u64) -> Vec<u8> {
    let key = format!("idempotency-key: {}\r\n", key());
    post(
        "/v1/order/create",
        &key,
        &order_body(user, product, 1).to_string(),
    )
}

/// A page of a user's orders.
pub fn list(user: u64, page_size: u32) -> Vec<u8> {
    get(&format!(
        "/v1/order/list?user_id={user}&page_size={page_size}"
    ))
}
