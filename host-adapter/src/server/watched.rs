//! A client's stream with its account: counts what is read and written, and gives the bare refusals that the HTTP/1
//! library writes for unreadable heads the body that every refusal has. No stream is read without a pause for others.

use super::account::Account;
use super::frames::Frames;
use super::head::Head;
use super::{Shared, answers};
use crate::limits;
use bytes::{Buf, Bytes};
use http::StatusCode;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of the longest reply whose pieces are joined into one write.
const SHORT_BYTES: usize = 1024;

/// The watched stream.
pub struct Watched<S> {
    stream: S,
    account: Arc<Account>,
    /// The frames of HTTP/2; `None` for HTTP/1, where heads are measured and refusals replaced.
    frames: Option<Frames>,
    /// Bytes read in a row, without a pause.
    at_once: usize,
    /// Bytes that were read from the stream before.
    ahead: Bytes,
    /// The head being read.
    head: Head,
    shared: Arc<Shared>,
    /// The rest of a refusal that is written in place of the library's.
    refusal: Bytes,
}

impl<S> Watched<S> {
    /// Watches `stream`, of which `ahead` was read before.
    pub fn new(
        stream: S,
        ahead: Bytes,
        account: Arc<Account>,
        shared: Arc<Shared>,
        h2: bool,
    ) -> Self {
        Self {
            stream,
            account,
            frames: h2.then(Frames::new),
            at_once: 0,
            ahead,
            head: Head::default(),
            shared,
            refusal: Bytes::new(),
        }
    }

    /// The stream itself.
    pub fn into_inner(self) -> S {
        self.stream
    }

    /// Looks at the head that is being read.
    fn look_at(&mut self, new: &[u8]) {
        if self.account.head_bytes() == 0 {
            self.head = Head::default();
        }
        self.account.read(new.len());
        self.head.read(new);
        if self.head.is_ambiguous() {
            self.account.note_ambiguous();
        }
    }

    fn refusal_for(&self, written: &[u8]) -> Option<Bytes> {
        if self.frames.is_some() || self.account.is_replying() {
            return None;
        }
        let code = written.strip_prefix(b"HTTP/1.")?.get(2..5)?;
        let (status, reason) = match (code, self.head.first_line() > limits::TARGET_BYTES_MAX) {
            (b"400", _) => (
                StatusCode::BAD_REQUEST,
                "the request cannot be read as HTTP/1.1",
            ),
            (b"414", _) | (b"431", true) => {
                (StatusCode::URI_TOO_LONG, "the request target is too long")
            }
            (b"431", false) => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "the headers are too many or too large",
            ),
            _ => return None,
        };
        let origins = self.shared.application.origins.as_ref();
        Some(answers::wire(status, reason, origins))
    }
}

impl<S: AsyncWrite + Unpin> Watched<S> {
    /// Counts what was written, and whether the socket is full.
    fn noted(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(bytes)) => {
                self.account.wrote(*bytes);
                self.account.set_blocked(false);
            }
            Poll::Pending => self.account.set_blocked(true),
            Poll::Ready(Err(_)) => {}
        }
        written
    }

    /// Writes out a refusal that was begun, and says whether another replaces the write that starts with `begin`.
    fn poll_refused(&mut self, cx: &mut Context<'_>, begin: &[u8]) -> Poll<io::Result<bool>> {
        ready!(self.poll_refusal(cx))?;
        Poll::Ready(Ok(match self.refusal_for(begin) {
            Some(refusal) => {
                self.refusal = refusal;
                true
            }
            None => false,
        }))
    }

    fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.refusal.is_empty() {
            let written = Pin::new(&mut self.stream).poll_write(cx, &self.refusal);
            let written = ready!(self.noted(written))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.refusal.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.at_once >= limits::READ_AT_ONCE_BYTES {
            this.at_once = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(frames) = &mut this.frames {
            ready!(frames.poll_allowed(cx, &this.account))?;
        }
        let before = buf.filled().len();
        let read = if this.ahead.is_empty() {
            Pin::new(&mut this.stream).poll_read(cx, buf)
        } else {
            let taken = this.ahead.len().min(buf.remaining());
            buf.put_slice(&this.ahead.split_to(taken));
            Poll::Ready(Ok(()))
        };
        let new = &buf.filled()[before..];
        match &mut this.frames {
            _ if read.is_pending() => this.at_once = 0,
            Some(frames) => frames.read(new),
            None if !new.is_empty() && this.account.is_at_rest() => this.look_at(new),
            None => {}
        }
        this.at_once += new.len();
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if ready!(this.poll_refused(cx, bytes))? {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.noted(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // Most replies are a head and a few bytes: one piece costs the system less than two.
        let mut short = [0; SHORT_BYTES];
        let mut length = 0;
        for piece in pieces {
            match short.get_mut(length..length + piece.len()) {
                Some(room) => room.copy_from_slice(piece),
                None => {
                    length = 0;
                    break;
                }
            }
            length += piece.len();
        }
        if length > 0 {
            return self.poll_write(cx, &short[..length]);
        }
        let this = self.get_mut();
        let first = pieces.iter().find(|piece| !piece.is_empty());
        if ready!(this.poll_refused(cx, first.map_or(&[], |first| first)))? {
            return Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()));
        }
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, pieces);
        this.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_refusal(cx))?;
        // The library flushes when nothing is left to be written.
        this.account.flushed();
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_refusal(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}
