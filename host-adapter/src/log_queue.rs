//! The queue of log lines. Serving threads only put lines into it, and one thread writes them: an output that nobody
//! reads costs lines, never a request. A line says how many were dropped when there is room again.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait to be written; one more is dropped.
const LINES_MAX: usize = 8 * 1024;
/// Bytes of the lines that wait to be written; a line beyond them is dropped.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long writing the last lines of a process may take.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// The queue of the process.
static QUEUE: OnceLock<LogQueue> = OnceLock::new();

/// A handle to put lines into the queue.
#[derive(Debug, Clone)]
pub struct LogQueue {
    lines: SyncSender<Vec<u8>>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    bytes: AtomicUsize,
    lost: AtomicU64,
    /// Lines put into the queue so far.
    taken: AtomicU64,
    /// Lines written so far.
    written: AtomicU64,
}

impl LogQueue {
    /// A queue whose lines a thread of its own writes to `out`.
    ///
    /// # Errors
    /// Where the thread cannot be started.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (lines, queued) = sync_channel(LINES_MAX);
        let shared = Arc::new(Shared::default());
        let writer = shared.clone();
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write(&queued, &writer, out))?;
        Ok(Self { lines, shared })
    }

    fn put(&self, line: &[u8]) {
        let shared = &self.shared;
        let bytes = shared.bytes.fetch_add(line.len(), Relaxed) + line.len();
        if bytes > BYTES_MAX || self.lines.try_send(line.to_vec()).is_err() {
            shared.bytes.fetch_sub(line.len(), Relaxed);
            shared.lost.fetch_add(1, Relaxed);
            return;
        }
        shared.taken.fetch_add(1, Relaxed);
    }

    /// Waits until what was logged so far is written, for at most [`FLUSH_TIMEOUT`].
    pub fn flush(&self) {
        let wanted = self.shared.taken.load(Relaxed);
        let until = Instant::now() + FLUSH_TIMEOUT;
        while self.shared.written.load(Relaxed) < wanted && Instant::now() < until {
            std::thread::yield_now();
        }
    }
}

/// Makes `queue` that of the process; the first one stays.
pub fn install(queue: LogQueue) {
    let _ = QUEUE.set(queue);
}

/// Waits for the last lines of the process; to be called before it ends.
pub fn flush() {
    if let Some(queue) = QUEUE.get() {
        queue.flush();
    }
}

fn write(queued: &Receiver<Vec<u8>>, shared: &Shared, mut out: impl Write) {
    loop {
        let line = match queued.recv_timeout(Duration::from_secs(1)) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if let Some(line) = line {
            shared.bytes.fetch_sub(line.len(), Relaxed);
            // A broken output is no reason to stop serving, and there is nowhere to report it.
            let _ = out.write_all(&line);
            shared.written.fetch_add(1, Relaxed);
        }
        let lost = shared.lost.swap(0, Relaxed);
        if lost > 0 {
            let text = serde_json::json!({ "level": "WARN", "service": "host-adapter", "message": format!("{lost} log lines were left out: the output is too slow for them") });
            let _ = writeln!(out, "{text}");
        }
        let _ = out.flush();
    }
}

impl<'a> MakeWriter<'a> for LogQueue {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            queue: self,
            bytes: Vec::new(),
        }
    }
}

/// One line, put into the queue when it is complete.
#[derive(Debug)]
pub struct Line<'a> {
    queue: &'a LogQueue,
    bytes: Vec<u8>,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            self.queue.put(&self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// An output that takes nothing until it is released.
    struct Gate(Arc<Mutex<Vec<u8>>>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_output_that_stands_still_costs_lines_and_no_time() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let held = written.lock().unwrap();
        let queue = LogQueue::start(Gate(written.clone())).unwrap();
        let line = [b'x'; 1024];
        for _ in 0..3 * BYTES_MAX / line.len() {
            queue.make_writer().write_all(&line).unwrap();
        }
        assert!(queue.shared.bytes.load(Relaxed) <= BYTES_MAX);
        let lost = queue.shared.lost.load(Relaxed);
        assert!(lost > 0);
        drop(held);
        stack::wait_for(Duration::from_secs(10), "the word on lost lines", || {
            String::from_utf8_lossy(&written.lock().unwrap()).contains("log lines were left out")
        })
        .unwrap();
        assert!(written.lock().unwrap().starts_with(b"xxx"));
    }
}
