//! The output of components as log lines: one event per line, cut at a bound, with the component's name, and bounded
//! per second.

use crate::limits::{GUEST_LINE_BYTES_MAX, GUEST_LINES_PER_SECOND_MAX};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// The stdout or stderr of one instance.
#[derive(Clone)]
pub struct GuestLog(Arc<Line>);

struct Line {
    component: String,
    error: bool,
    text: Mutex<Vec<u8>>,
    allowance: Arc<Allowance>,
}

/// Lines per second that the instances of one component on one thread may log.
#[derive(Debug, Default)]
pub struct Allowance(Mutex<Second>);

#[derive(Debug, Default)]
struct Second {
    began: Option<Instant>,
    lines: u32,
    lost: u64,
}

impl Allowance {
    /// Whether one more line may be logged, and how many were dropped in the second before.
    fn take(&self, now: Instant) -> (bool, u64) {
        let mut second = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let goes_on = |began: Instant| now.duration_since(began) < Duration::from_secs(1);
        let mut lost = 0;
        if !second.began.is_some_and(goes_on) {
            lost = std::mem::take(&mut *second).lost;
            second.began = Some(now);
        }
        second.lines += 1;
        let may = second.lines <= GUEST_LINES_PER_SECOND_MAX;
        second.lost += u64::from(!may);
        (may, lost)
    }
}

impl GuestLog {
    /// A log of `component`; lines of stderr (`error`) are warnings, others information.
    pub fn new(component: &str, error: bool, allowance: Arc<Allowance>) -> Self {
        Self(Arc::new(Line {
            component: component.to_owned(),
            error,
            text: Mutex::default(),
            allowance,
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
        let (may, lost) = self.allowance.take(Instant::now());
        if lost > 0 {
            tracing::warn!(
                component = self.component,
                lost,
                "the component printed too many lines"
            );
        }
        if !may {
            return;
        }
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
        let log = GuestLog::new("x", false, Arc::default());
        for _ in 0..10 {
            log.0.write(&[b'a'; GUEST_LINE_BYTES_MAX]);
        }
        assert_eq!(log.0.text.lock().unwrap().len(), GUEST_LINE_BYTES_MAX);
        log.0.write(b"\nrest");
        assert_eq!(log.0.text.lock().unwrap().as_slice(), b"rest");
    }

    #[test]
    fn lines_have_an_allowance() {
        let (allowance, now) = (Allowance::default(), Instant::now());
        let max = GUEST_LINES_PER_SECOND_MAX;
        let taken = (0..max + 5).filter(|_| allowance.take(now).0).count();
        assert_eq!(taken, max as usize);
        let later = now + Duration::from_secs(1);
        assert_eq!(allowance.take(later), (true, 5));
        assert_eq!(allowance.take(later), (true, 0));
    }
}
