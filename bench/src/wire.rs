//! HTTP/1.1 for a load generator: requests are rendered once, and only a reply's status and length are parsed.

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A keep-alive connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A reply: its status, and its body in the connection's buffer.
pub struct Reply<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

/// A POST of a JSON body.
pub fn post(path: &str, body: &str) -> Vec<u8> {
    post_with(path, "", body)
}

/// A POST with additional headers, each ending in CR LF.
pub fn post_with(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

pub fn get(path: &str) -> Vec<u8> {
    get_with(path, "")
}

/// A GET with additional headers, each ending in CR LF.
pub fn get_with(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{headers}\r\n").into_bytes()
}

impl Connection {
    /// # Errors
    /// Where the connection is refused.
    pub async fn open(address: &str) -> Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream,
            buffer: Vec::with_capacity(16 * 1024),
        })
    }

    /// Sends a request and reads the whole reply.
    ///
    /// # Errors
    /// Where the connection ends, or the reply has no `content-length`.
    pub async fn send(&mut self, request: &[u8]) -> Result<Reply<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the connection was closed in a reply");
            }
            let Some(head) = find(&self.buffer, b"\r\n\r\n") else {
                continue;
            };
            let (status, length) = read_head(&self.buffer[..head])?;
            let end = head + 4 + length;
            while self.buffer.len() < end {
                if self.stream.read_buf(&mut self.buffer).await? == 0 {
                    bail!("the connection was closed in a body");
                }
            }
            return Ok(Reply {
                status,
                body: &self.buffer[head + 4..end],
            });
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

fn read_head(head: &[u8]) -> Result<(u16, usize)> {
    let text = std::str::from_utf8(head)?;
    let status = text.get(9..12).context("no status line")?.parse()?;
    let length = text
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .context("a reply without a length")?;
    Ok((status, length.1.trim().parse()?))
}

/// The value of a text field in a JSON body, found without parsing.
pub fn text_field<'a>(body: &'a [u8], name: &str) -> Option<&'a str> {
    let body = std::str::from_utf8(body).ok()?;
    let (_, rest) = body.split_once(&format!("\"{name}\":\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_and_fields() {
        let head = b"HTTP/1.1 202 Accepted\r\nContent-Length: 12\r\nx: y";
        assert_eq!(read_head(head).unwrap(), (202, 12));
        assert!(read_head(b"HTTP/1.1 200 OK\r\nx: y").is_err());
        assert_eq!(
            text_field(br#"{"a":1,"order_id":"77"}"#, "order_id"),
            Some("77")
        );
        assert_eq!(text_field(b"{}", "order_id"), None);
    }
}
