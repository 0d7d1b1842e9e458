//! A bound on the frames that an HTTP/2 client sends. A frame costs its sender a few bytes, and the host the same work
//! whatever it contains; so a connection has an allowance of frames, which grows with time, with the bodies it sends
//! and with the replies it takes. One that has used it up is not read for a while, which no other connection notices;
//! one that goes on like that is closed.

use super::account::Account;
use crate::limits;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// Bytes that each connection begins with, before its first frame.
const PREFACE_BYTES: usize = 24;
/// Bytes of a frame's head: its length in three, its kind, its flags and its stream.
const HEAD_BYTES: usize = 9;
/// The kind of a frame that carries a body.
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
    /// Frames it may send; below zero where more came in one read.
    allowance: i64,
    /// Body bytes that were not yet added to the allowance.
    body_bytes: u64,
    counted: Counted,
    pause: Option<Pin<Box<Sleep>>>,
    /// When it first had no allowance; `None` once more than half of the most is there again.
    without_since: Option<Instant>,
}

/// What has been added to the allowance so far.
#[derive(Debug)]
struct Counted {
    at: Instant,
    written: u64,
    replies: u64,
}

impl Frames {
    /// The frames of a new connection.
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

    /// Counts the frames in what was read.
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
mod tests;
