//! A mock Elasticsearch that answers one request as configured and returns what it was sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

/// Longest wait for the function's request.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct SearchServer {
    pub url: &'static str,
    asked: JoinHandle<Asked>,
}

/// The path of the request line, and the body.
pub struct Asked {
    pub path: String,
    pub body: String,
}

impl Asked {
    /// The body's lines as JSON.
    pub fn lines(&self) -> Vec<serde_json::Value> {
        let lines = self.body.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl SearchServer {
    /// Answers with this status and body.
    pub fn answering(status: u16, body: impl ToString) -> SearchServer {
        let body = body.to_string();
        let head = format!("HTTP/1.1 {status} x\r\ncontent-type: application/json");
        SearchServer::start(Some(format!(
            "{head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )))
    }

    /// Reads the request and never answers.
    pub fn silent() -> SearchServer {
        SearchServer::start(None)
    }

    fn start(answer: Option<String>) -> SearchServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let asked = read(&stream);
            match answer {
                Some(answer) => stream.write_all(answer.as_bytes()).unwrap(),
                // Ends when the client closes.
                None => drop(stream.read(&mut [0])),
            }
            asked
        });
        SearchServer {
            url: url.leak(),
            asked,
        }
    }

    /// Waits for the request and returns it.
    pub fn asked(self) -> Asked {
        self.asked.join().unwrap()
    }
}

fn read(stream: &TcpStream) -> Asked {
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut text = String::new();
        reader.read_line(&mut text).unwrap();
        text.trim_end().to_owned()
    };
    let path = line().split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = None;
    loop {
        let header = line().to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok();
        }
        if header.is_empty() {
            break;
        }
    }
    let mut body = Vec::new();
    let mut take = |reader: &mut BufReader<&TcpStream>, count: u64| {
        reader.take(count).read_to_end(&mut body).unwrap();
    };
    match length {
        Some(length) => take(&mut reader, length),
        None => loop {
            let mut size = String::new();
            reader.read_line(&mut size).unwrap();
            let size = u64::from_str_radix(size.trim(), 16).unwrap();
            take(&mut reader, size);
            let mut end = String::new();
            reader.read_line(&mut end).unwrap();
            if size == 0 {
                break;
            }
        },
    }
    Asked {
        path,
        body: String::from_utf8(body).unwrap(),
    }
}
