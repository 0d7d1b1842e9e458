//! As much of an HTTP server as a simulated provider needs: one request per connection.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);
const HEAD_BYTES_MAX: u64 = 16 * 1024;
const BODY_BYTES_MAX: u64 = 64 * 1024;
/// Of a chunk's size.
const LINE_BYTES_MAX: u64 = 256;

/// A request that is read already.
pub struct Request {
    pub method: String,
    /// Without a query.
    pub path: String,
    pub body: Vec<u8>,
}

/// An answer.
pub struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    pub fn json(status: u16, body: &Value) -> Answer {
        Answer {
            status,
            body: body.to_string(),
        }
    }
}

/// Answers requests until the listener fails; each connection has a thread of its own.
pub fn serve(listener: &TcpListener, answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) {
    let answer = Arc::new(answer);
    for stream in listener.incoming().flatten() {
        let answer = answer.clone();
        thread::spawn(move || {
            // A client that breaks off gets no answer.
            let _ = answer_one(&stream, &*answer);
        });
    }
}

fn answer_one(mut stream: &TcpStream, answer: impl Fn(&Request) -> Answer) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let Answer { status, body } = match read(stream)? {
        Some(request) => answer(&request),
        None => Answer::json(400, &Value::Null),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} \r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

/// `None` for what is no request of a known length.
fn read(stream: &TcpStream) -> std::io::Result<Option<Request>> {
    let mut reader = BufReader::new(stream);
    let mut head = (&mut reader).take(HEAD_BYTES_MAX);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let mut coding = Coding::Length(0);
    loop {
        let mut header = String::new();
        if head.read_line(&mut header)? == 0 {
            return Ok(None);
        }
        let header = header.trim().to_ascii_lowercase();
        match header.split_once(':') {
            _ if header.is_empty() => break,
            Some(("content-length", length)) => match length.trim().parse() {
                Ok(length) if length <= BODY_BYTES_MAX => coding = Coding::Length(length),
                _ => return Ok(None),
            },
            Some(("transfer-encoding", _)) => coding = Coding::Chunks,
            _ => {}
        }
    }
    let mut body = Vec::new();
    match coding {
        Coding::Length(length) => {
            reader.take(length).read_to_end(&mut body)?;
        }
        Coding::Chunks => {
            if !chunks(&mut reader, &mut body)? {
                return Ok(None);
            }
        }
    }
    Ok(Some(Request {
        method,
        path: target.split('?').next().unwrap_or_default().to_owned(),
        body,
    }))
}

enum Coding {
    Length(u64),
    Chunks,
}

fn chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> std::io::Result<bool> {
    loop {
        let mut size = String::new();
        reader.take(LINE_BYTES_MAX).read_line(&mut size)?;
        let Ok(size) = u64::from_str_radix(size.trim(), 16) else {
            return Ok(false);
        };
        if size.saturating_add(body.len() as u64) > BODY_BYTES_MAX {
            return Ok(false);
        }
        reader.take(size).read_to_end(body)?;
        let mut end = String::new();
        reader.take(LINE_BYTES_MAX).read_line(&mut end)?;
        if size == 0 {
            return Ok(true);
        }
    }
}
