//! What an HTTP/2 client may send beside what it asks for and gets. A frame costs its sender a few bytes and the host
//! the same work whatever it says; so a connection has an allowance of frames, which grows with time, with bodies it
//! sends and with what it takes of its replies. One that has used it up is read no further for a while, and nobody else
//! notices; one that goes on like that ends.

use super::account::Account;
use crate::limits;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// What each connection begins with, before its first frame.
const PREFACE_BYTES: usize = 24;
/// A frame's length in three bytes, its kind, its flags and its stream.
const HEAD_BYTES: usize = 9;
const DATA: u8 = 0;
/// How long a connection without allowance is not read.
const PAUSE: Duration = Duration::from_millis(20);

/// The frames of one connection.
#[derive(Debug)]
pub struct Frames {
    /// Bytes of the preface or of a payload that are still to come.
    skipped: usize,
    head: [u8; HEAD_BYTES],
    head_bytes: usize,
    /// Frames it may send; below zero by what came in one piece.
    allowance: i64,
    /// Bytes of bodies that were not yet counted in its favour.
    body_bytes: u64,
    counted: Counted,
    pause: Option<Pin<Box<Sleep>>>,
    /// When it was first without allowance, if it had none to spare since.
    without_since: Option<Instant>,
}

/// What was counted in its favour so far.
#[derive(Debug)]
struct Counted {
    at: Instant,
    written: u64,
    replies: u64,
}

impl Frames {
    /// Of a connection that begins.
    pub fn new() -> Self {
        Self {
            skipped: PREFACE_BYTES,
            head: [0; HEAD_BYTES],
            head_bytes: 0,
            allowance: limits::H2_FRAMES_MAX,
            body_bytes: 0,
            counted: Counted {
                at: Instant::now(),
                written: 0,
                replies: 0,
            },
            pause: None,
            without_since: None,
        }
    }

    /// Ready when the connection may be read.
    ///
    /// # Errors
    /// When it was without allowance for too long.
    pub fn poll_allowed(
        &mut self,
        cx: &mut Context<'_>,
        account: &Account,
    ) -> Poll<io::Result<()>> {
        if self.allowance > 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            let now = Instant::now();
            self.renew(now, account.written(), account.replies());
            if self.allowance > 0 {
                return Poll::Ready(Ok(()));
            }
            let since = *self.without_since.get_or_insert(now);
            if now.saturating_duration_since(since) > limits::H2_FRAMES_LATE_MAX {
                let reason = "more HTTP/2 frames than the connection has use for";
                return Poll::Ready(Err(io::Error::other(reason)));
            }
            self.pause = Some(Box::pin(sleep(PAUSE)));
        }
    }

    fn renew(&mut self, now: Instant, written: u64, replies: u64) {
        let ms = now.saturating_duration_since(self.counted.at).as_millis();
        let time = u64::try_from(ms).unwrap_or(u64::MAX) * limits::H2_FRAMES_PER_SECOND / 1_000;
        let bytes = written - self.counted.written + self.body_bytes;
        let earned = time
            + (replies - self.counted.replies) * limits::H2_FRAMES_PER_REPLY
            + bytes / limits::H2_BYTES_PER_FRAME;
        let earned = i64::try_from(earned).unwrap_or(i64::MAX);
        self.allowance = self
            .allowance
            .saturating_add(earned)
            .min(limits::H2_FRAMES_MAX);
        if self.allowance > limits::H2_FRAMES_MAX / 2 {
            self.without_since = None;
        }
        self.body_bytes = 0;
        self.counted = Counted {
            at: now,
            written,
            replies,
        };
    }

    /// Notes what was read.
    pub fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let skipped = self.skipped.min(bytes.len());
            self.skipped -= skipped;
            bytes = &bytes[skipped..];
            let taken = (HEAD_BYTES - self.head_bytes).min(bytes.len());
            self.head[self.head_bytes..self.head_bytes + taken].copy_from_slice(&bytes[..taken]);
            self.head_bytes += taken;
            bytes = &bytes[taken..];
            if self.head_bytes == HEAD_BYTES {
                let [a, b, c, kind, ..] = self.head;
                let length = u32::from_be_bytes([0, a, b, c]);
                self.skipped = length as usize;
                self.head_bytes = 0;
                self.allowance -= 1;
                if kind == DATA {
                    self.body_bytes += u64::from(length);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::account::Ledger;
    use super::*;

    fn frame(kind: u8, length: u8) -> Vec<u8> {
        let mut bytes = vec![0, 0, length, kind, 0, 0, 0, 0, 1];
        bytes.resize(HEAD_BYTES + usize::from(length), 7);
        bytes
    }

    #[tokio::test]
    async fn frames_are_counted_wherever_they_are_cut() {
        let mut sent = vec![b'P'; PREFACE_BYTES];
        for length in [0, 1, 200] {
            sent.extend([frame(DATA, length), frame(6, 8)].concat());
        }
        for size in [1, 2, 7, 9, 10, 24, 33, 500] {
            let mut frames = Frames::new();
            sent.chunks(size).for_each(|piece| frames.read(piece));
            assert_eq!(frames.allowance, limits::H2_FRAMES_MAX - 6, "{size}");
            assert_eq!(frames.body_bytes, 201, "{size}");
        }
    }

    #[tokio::test]
    async fn time_bodies_and_replies_renew_the_allowance() {
        let mut frames = Frames::new();
        let begin = frames.counted.at;
        frames.allowance = -10;
        frames.renew(begin, 0, 0);
        assert_eq!(frames.allowance, -10, "nothing earned");
        frames.renew(begin, 0, 3);
        let by_replies = 3 * limits::H2_FRAMES_PER_REPLY as i64;
        assert_eq!(frames.allowance, by_replies - 10);
        frames.allowance = 0;
        frames.body_bytes = limits::H2_BYTES_PER_FRAME;
        frames.renew(begin, limits::H2_BYTES_PER_FRAME, 3);
        assert_eq!(frames.allowance, 2);
        let later = begin + Duration::from_secs(3600);
        frames.renew(later, limits::H2_BYTES_PER_FRAME, 3);
        assert_eq!(frames.allowance, limits::H2_FRAMES_MAX, "and no more");
    }

    #[tokio::test]
    async fn without_allowance_nothing_is_read_for_a_while_and_then_no_more() {
        let ledger = Ledger::new(prometheus::IntCounter::new("evicted", "evicted").unwrap());
        let entry = ledger.open([127, 0, 0, 1].into(), 1).unwrap();
        let mut frames = Frames::new();
        let allowed = async |frames: &mut Frames| {
            std::future::poll_fn(|cx| frames.poll_allowed(cx, entry.account())).await
        };
        frames.allowance = 0;
        let begin = Instant::now();
        allowed(&mut frames).await.unwrap();
        assert!(begin.elapsed() >= PAUSE && frames.allowance > 0);
        let late = limits::H2_FRAMES_LATE_MAX + PAUSE;
        frames.without_since = begin.checked_sub(late);
        frames.allowance = i64::MIN / 2;
        assert!(allowed(&mut frames).await.is_err());
        frames.allowance = limits::H2_FRAMES_MAX;
        frames.renew(Instant::now(), 0, 0);
        frames.allowance = 0;
        allowed(&mut frames).await.unwrap();
    }
}
