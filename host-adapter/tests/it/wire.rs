//! A client on a bare socket: it sends what a test says, whole or in pieces, and reads replies one by one.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection: a socket, or TLS over one.
pub trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

/// One connection and what was read ahead on it.
pub struct Wire {
    stream: Box<dyn Stream>,
    socket: TcpStream,
    ahead: Vec<u8>,
}

/// A reply.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The head as it came, with its status line.
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The value of a header; names in lower case, as the host writes them.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

pub fn socket(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    socket.set_nodelay(true).unwrap();
    socket
}

impl Wire {
    pub fn plain(address: SocketAddr) -> Self {
        let socket = socket(address);
        Self::over(Box::new(socket.try_clone().unwrap()), socket)
    }

    pub fn over(stream: Box<dyn Stream>, socket: TcpStream) -> Self {
        Self {
            stream,
            socket,
            ahead: Vec::new(),
        }
    }

    /// Sends all, or as much as the host takes before it closes.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self
            .stream
            .write_all(bytes)
            .and_then(|()| self.stream.flush());
    }

    /// Closes the sending side.
    pub fn half_close(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// A second handle, to send from another thread while replies are read here. Not for TLS.
    pub fn writer(&self) -> TcpStream {
        self.socket.try_clone().unwrap()
    }

    /// The next reply to a request of `method`; `None` where the connection ends first.
    pub fn answer(&mut self, method: &str) -> Option<Answer> {
        let head = loop {
            if let Some(end) = find(&self.ahead, b"\r\n\r\n") {
                let head: Vec<u8> = self.ahead.drain(..end + 4).collect();
                break String::from_utf8_lossy(&head).into_owned();
            }
            self.more()?;
        };
        let status = head.get(9..12)?.parse().ok()?;
        let mut answer = Answer {
            status,
            head,
            body: String::new(),
        };
        let bodiless = method == "HEAD" || status < 200 || status == 204 || status == 304;
        let chunked = answer.header("transfer-encoding").is_some();
        let length = answer.header("content-length").map(|text| text.parse());
        answer.body = match (bodiless, chunked, length) {
            (true, _, _) => String::new(),
            (_, true, _) => self.chunks()?,
            (_, _, Some(length)) => self.take(length.ok()?)?,
            (_, _, None) => {
                while self.more().is_some() {}
                let rest = std::mem::take(&mut self.ahead);
                String::from_utf8_lossy(&rest).into_owned()
            }
        };
        Some(answer)
    }

    fn chunks(&mut self) -> Option<String> {
        let mut all = String::new();
        loop {
            let end = loop {
                match find(&self.ahead, b"\r\n") {
                    Some(end) => break end,
                    None => self.more()?,
                }
            };
            let line: Vec<u8> = self.ahead.drain(..end + 2).collect();
            let size = std::str::from_utf8(&line).ok()?.trim();
            let size = usize::from_str_radix(size, 16).ok()?;
            let chunk = self.take(size + 2)?;
            if size == 0 {
                return Some(all);
            }
            all.push_str(&chunk[..size]);
        }
    }

    fn take(&mut self, length: usize) -> Option<String> {
        let taken = self.bytes(length)?;
        Some(String::from_utf8_lossy(&taken).into_owned())
    }

    /// The next bytes; `None` where the connection ends first.
    pub fn bytes(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.ahead.len() < length {
            self.more()?;
        }
        Some(self.ahead.drain(..length).collect())
    }

    /// Whether the host has ended the connection, with nothing more to read on it.
    pub fn is_closed(&mut self) -> bool {
        self.ahead.is_empty() && self.more().is_none()
    }

    fn more(&mut self) -> Option<()> {
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(0) => None,
            Ok(read) => {
                self.ahead.extend_from_slice(&bytes[..read]);
                Some(())
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!(
                    "the host neither answers nor closes; read so far: {:?}",
                    self.ahead
                )
            }
            Err(_) => None,
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}
