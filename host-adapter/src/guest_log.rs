//! What a component prints becomes log lines: one event per line, cut at a bound, named after the component.

use crate::limits::GUEST_LINE_BYTES_MAX;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// The stdout or stderr of one instance.
#[derive(Clone)]
pub struct GuestLog(Arc<Line>);

struct Line {
    component: String,
    error: bool,
    text: Mutex<Vec<u8>>,
}

impl GuestLog {
    /// A log of `component`; lines of stderr (`error`) are warnings, others information.
    pub fn new(component: &str, error: bool) -> Self {
        Self(Arc::new(Line {
            component: component.to_owned(),
            error,
            text: Mutex::default(),
        }))
    }
}

impl Line {
    fn write(&self, bytes: &[u8]) {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            let room = GUEST_LINE_BYTES_MAX - text.len().min(GUEST_LINE_BYTES_MAX);
            let (line, ended) = match piece.strip_suffix(b"\n") {
                Some(line) => (line, true),
                None => (piece, false),
            };
            text.extend_from_slice(&line[..line.len().min(room)]);
            if ended {
                self.emit(&text);
                text.clear();
            }
        }
    }

    fn emit(&self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let component = self.component.as_str();
        if self.error {
            tracing::warn!(component, stream = "stderr", "{}", line.trim_end());
        } else {
            tracing::info!(component, stream = "stdout", "{}", line.trim_end());
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = self.text.get_mut().map(std::mem::take).unwrap_or_default();
        if !text.is_empty() {
            self.emit(&text);
        }
    }
}

impl StdoutStream for GuestLog {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl IsTerminal for GuestLog {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl AsyncWrite for GuestLog {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_is_bounded() {
        let log = GuestLog::new("x", false);
        for _ in 0..10 {
            log.0.write(&[b'a'; GUEST_LINE_BYTES_MAX]);
        }
        assert_eq!(log.0.text.lock().unwrap().len(), GUEST_LINE_BYTES_MAX);
        log.0.write(b"\nrest");
        assert_eq!(log.0.text.lock().unwrap().as_slice(), b"rest");
    }
}
