//! HTTP/2 by hand: frames and header blocks of literals, as in RFC 9113 and RFC 7541.

use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
/// A frame type that is not defined.
pub const UNKNOWN: u8 = 0xBE;
pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const INITIAL_WINDOW_SIZE: u16 = 4;
/// The largest frame that a peer accepts by default.
const FRAME_BYTES_MAX: usize = 16 * 1024;
const WITHIN: Duration = Duration::from_secs(5);

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u32;
    let mut bytes = length.to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

pub fn settings(pairs: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> = pairs
        .iter()
        .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
        .collect();
    frame(SETTINGS, 0, 0, &payload)
}

pub fn window_update(stream: u32, more: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &more.to_be_bytes())
}

/// HEADERS with as many CONTINUATION frames as needed. `flags` may be [`END_STREAM`].
pub fn headers(stream: u32, flags: u8, block: &[u8]) -> Vec<u8> {
    let mut pieces = block.chunks(FRAME_BYTES_MAX).peekable();
    let (mut bytes, mut kind, mut flags) = (Vec::new(), HEADERS, flags);
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            flags |= END_HEADERS;
        }
        bytes.extend(frame(kind, flags, stream, piece));
        (kind, flags) = (CONTINUATION, 0);
    }
    bytes
}

/// The block of a request without further headers.
pub fn request(method: &str, path: &str) -> Vec<u8> {
    // `:scheme: http` from the static table; then names from it, with values as literals.
    let mut block = vec![0x86];
    for (index, value) in [(2, method), (4, path), (1, "shop")] {
        block.push(index);
        text(&mut block, value);
    }
    block
}

/// A header that is not added to the dynamic table.
pub fn literal(block: &mut Vec<u8>, name: &str, value: &str) {
    block.push(0);
    text(block, name);
    text(block, value);
}

/// A header that is added to the dynamic table as its newest entry, [`NEWEST`].
pub fn entry(block: &mut Vec<u8>, name: &str, value: &str) {
    block.push(0x40);
    text(block, name);
    text(block, value);
}

/// An indexed header field: the newest entry of the dynamic table.
pub const NEWEST: u8 = 0x80 | 62;

/// A string literal without Huffman coding: its length with a prefix of 7 bits, then its bytes.
fn text(block: &mut Vec<u8>, text: &str) {
    let prefix = 127;
    match text.len().checked_sub(prefix) {
        None => block.push(text.len() as u8),
        Some(mut rest) => {
            block.push(prefix as u8);
            while rest >= 128 {
                block.push((rest % 128) as u8 | 0x80);
                rest /= 128;
            }
            block.push(rest as u8);
        }
    }
    block.extend_from_slice(text.as_bytes());
}

/// Numbers of the streams a client opens.
pub fn streams(count: usize) -> impl Iterator<Item = u32> + Clone {
    (1..).step_by(2).take(count)
}

/// A connection. Frames from the host are read and counted, not answered.
pub struct H2 {
    write: OwnedWriteHalf,
    reader: JoinHandle<()>,
    frames: Arc<AtomicUsize>,
}

impl H2 {
    /// Connects and exchanges settings.
    pub async fn connect(address: SocketAddr, own: &[(u16, u32)]) -> Result<H2> {
        let stream = timeout(WITHIN, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        let (mut read, mut write) = stream.into_split();
        write.write_all(&[PREFACE, &settings(own)].concat()).await?;
        let first = timeout(WITHIN, read_frame(&mut read)).await;
        first.context("no HTTP/2")?.context("no HTTP/2")?;
        write.write_all(&frame(SETTINGS, ACK, 0, &[])).await?;
        let frames = Arc::new(AtomicUsize::new(0));
        let seen = frames.clone();
        let reader = tokio::spawn(async move {
            while read_frame(&mut read).await.is_ok() {
                seen.fetch_add(1, Ordering::Relaxed);
            }
        });
        Ok(H2 {
            write,
            reader,
            frames,
        })
    }

    /// # Errors
    /// Where the host has closed the connection, or accepts no bytes for too long.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        timeout(WITHIN, self.write.write_all(bytes)).await??;
        Ok(())
    }

    /// Whether the host has closed the connection.
    pub fn is_over(&self) -> bool {
        self.reader.is_finished()
    }

    /// Frames the host has sent after its settings.
    pub fn frames(&self) -> usize {
        self.frames.load(Ordering::Relaxed)
    }
}

impl Drop for H2 {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read_frame(read: &mut OwnedReadHalf) -> Result<()> {
    let mut head = [0; 9];
    read.read_exact(&mut head).await?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; length as usize];
    read.read_exact(&mut payload).await?;
    Ok(())
}
