//! Request and response bodies, bounded in size and in pauses. A request's permit is held until its reply is whole.

use super::Permit;
use super::account::{Account, Chunk, Open};
use super::received::Received;
use bytes::{Buf, Bytes, BytesMut};
use http::Response;
use http::header::{CONTENT_LENGTH, Entry};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep, timeout_at};
use wasmtime_wasi_http::{Error, WasiBody};

/// Frames of a reply that are taken at once, before a task is spawned for the rest.
const FRAMES_AT_ONCE_MAX: usize = 8;
/// Frames of a reply queued for its client; their bytes are bounded separately.
const FRAMES_QUEUED_MAX: usize = 64;

/// How a request body ended before it was whole, as far as its component has read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// It is over the bound.
    TooLarge = 1,
    /// The client paused for too long.
    Late = 2,
    /// It cannot be read, or its client has gone.
    Broken = 3,
}

/// What becomes of a request body; an empty one is whole.
#[derive(Debug, Clone, Default)]
pub struct Fate(Option<Arc<AtomicU8>>);

impl Fate {
    /// How it was cut short, if it was.
    pub fn cut(&self) -> Option<Cut> {
        match self.0.as_ref()?.load(Relaxed) {
            1 => Some(Cut::TooLarge),
            2 => Some(Cut::Late),
            3 => Some(Cut::Broken),
            _ => None,
        }
    }

    fn end(&self, cut: Cut) {
        if let Some(fate) = &self.0 {
            fate.store(cut as u8, Relaxed);
        }
    }
}

/// A request body for the guest. Where its length is known, the caller has compared it with the bound.
pub fn incoming(body: Received, bytes_max: u64, pause_max: Duration) -> (WasiBody, Fate) {
    if body.is_end_stream() {
        let empty = Empty::new().map_err(|never| match never {}).boxed_unsync();
        return (empty, Fate::default());
    }
    let fate = Fate(Some(Arc::default()));
    let bounded = Bounded {
        body,
        bytes_max,
        bytes: 0,
        fate: fate.clone(),
        pause_max,
        pause: None,
    };
    (bounded.boxed_unsync(), fate)
}

struct Bounded {
    body: Received,
    bytes_max: u64,
    bytes: u64,
    fate: Fate,
    pause_max: Duration,
    /// Made at the first pause; most bodies come without one.
    pause: Option<Pin<Box<Sleep>>>,
}

impl Body for Bounded {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Pending => {
                let pause_max = this.pause_max;
                let pause = this.pause.get_or_insert_with(|| Box::pin(sleep(pause_max)));
                ready!(pause.as_mut().poll(cx));
                this.fate.end(Cut::Late);
                Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
            }
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(pause) = &mut this.pause {
                    pause.as_mut().reset(Instant::now() + this.pause_max);
                }
                this.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                if this.bytes <= this.bytes_max {
                    return Poll::Ready(Some(Ok(frame)));
                }
                this.fate.end(Cut::TooLarge);
                Poll::Ready(Some(Err(Error::HttpRequestBodySize(Some(this.bytes)))))
            }
            Poll::Ready(Some(Err(error))) => {
                this.fate.end(Cut::Broken);
                Poll::Ready(Some(Err(Error::from(error))))
            }
            Poll::Ready(None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What a request is answered with.
pub enum Contents {
    /// A whole body: the host's own, or a stored one.
    Whole(Bytes),
    /// A component's body, streamed, with the permit of its request.
    Guest { body: WasiBody, permit: Arc<Permit> },
    /// The collected part of a component's body, and the rest.
    Begun {
        frames: VecDeque<Result<Frame<Bytes>, Error>>,
        body: WasiBody,
        permit: Arc<Permit>,
    },
}

/// A response body. A component is done, and its permit free, when its reply is whole, not when the client has read it.
pub struct Outgoing {
    coming: Coming,
    open: Open,
}

enum Coming {
    Whole(Option<Chunk>),
    /// All of a reply that has more than data in it.
    Frames(VecDeque<Result<Frame<Chunk>, Error>>),
    Later(mpsc::Receiver<Result<Frame<Chunk>, Error>>),
}

impl Outgoing {
    /// The body of the reply to the request that `open` stands for.
    pub fn new(contents: Contents, open: Open) -> Self {
        let coming = match contents {
            Contents::Whole(bytes) => Coming::whole(bytes, &open),
            Contents::Guest { body, permit } => begun(VecDeque::new(), body, permit, &open),
            Contents::Begun {
                frames,
                body,
                permit,
            } => begun(frames, body, permit, &open),
        };
        Self { coming, open }
    }
}

/// The reply to a HEAD over HTTP/2, without the body that the library would send; `Content-Length` is that body's.
pub fn headless(response: Response<Outgoing>) -> Response<Outgoing> {
    let length = response.body().size_hint().exact();
    let (mut head, mut body) = response.into_parts();
    if let (Some(length), Entry::Vacant(vacant)) = (length, head.headers.entry(CONTENT_LENGTH)) {
        vacant.insert(length.into());
    }
    body.coming = Coming::Whole(None);
    Response::from_parts(head, body)
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if matches!(self.coming, Coming::Whole(None)) {
            self.open.replied();
        }
    }
}

impl Coming {
    fn whole(bytes: Bytes, open: &Open) -> Self {
        Self::Whole((!bytes.is_empty()).then(|| open.account().chunk(bytes)))
    }
}

/// Takes the frames that are ready. Most replies are whole when their heads come; a task fetches the rest of the
/// others.
fn begun(
    mut frames: VecDeque<Result<Frame<Bytes>, Error>>,
    mut body: WasiBody,
    permit: Arc<Permit>,
    open: &Open,
) -> Coming {
    let mut cx = Context::from_waker(Waker::noop());
    while frames.len() < FRAMES_AT_ONCE_MAX {
        match Pin::new(&mut body).poll_frame(&mut cx) {
            Poll::Ready(Some(frame)) => frames.push_back(frame),
            Poll::Ready(None) if frames.iter().all(|f| matches!(f, Ok(f) if f.is_data())) => {
                return Coming::whole(joined(frames), open);
            }
            Poll::Ready(None) => {
                let frames = frames
                    .into_iter()
                    .map(|frame| charged(frame, open.account()));
                return Coming::Frames(frames.collect());
            }
            Poll::Pending => break,
        }
    }
    let (sender, receiver) = mpsc::channel(FRAMES_QUEUED_MAX);
    tokio::spawn(fetch(frames, body, permit, open.account().clone(), sender));
    Coming::Later(receiver)
}

/// Fetches a reply as far as there is room for it, until it is whole or its client has gone.
async fn fetch(
    mut frames: VecDeque<Result<Frame<Bytes>, Error>>,
    mut body: WasiBody,
    permit: Arc<Permit>,
    account: Arc<Account>,
    sender: mpsc::Sender<Result<Frame<Chunk>, Error>>,
) {
    loop {
        let frame = match frames.pop_front() {
            Some(frame) => frame,
            None => tokio::select! {
                biased;
                frame = body.frame() => match frame {
                    Some(frame) => frame,
                    None => break,
                },
                () = sender.closed() => break,
            },
        };
        tokio::select! {
            biased;
            () = account.room() => {}
            () = sender.closed() => break,
        }
        if sender.send(charged(frame, &account)).await.is_err() {
            break;
        }
    }
    drop(permit);
}

fn charged(
    frame: Result<Frame<Bytes>, Error>,
    account: &Arc<Account>,
) -> Result<Frame<Chunk>, Error> {
    frame.map(|frame| frame.map_data(|bytes| account.chunk(bytes)))
}

/// Frames of data as one piece.
fn joined(mut frames: VecDeque<Result<Frame<Bytes>, Error>>) -> Bytes {
    let data = |frame: Result<Frame<Bytes>, Error>| frame.ok().and_then(|f| f.into_data().ok());
    if frames.len() <= 1 {
        return frames.pop_front().and_then(data).unwrap_or_default();
    }
    let mut whole = BytesMut::new();
    for data in frames.into_iter().filter_map(data) {
        whole.extend_from_slice(&data);
    }
    whole.freeze()
}

/// The result of collecting a body.
pub enum Collected {
    /// All of it.
    Whole(Bytes),
    /// Too large, too slow, or with more than data in it: the frames so far, and the rest.
    Begun(VecDeque<Result<Frame<Bytes>, Error>>, WasiBody),
}

/// Collects a body of at most `bytes_max`, for at most `within`. No frame is lost.
pub async fn collect(mut body: WasiBody, bytes_max: usize, within: Duration) -> Collected {
    let deadline = Instant::now() + within;
    let (mut frames, mut bytes) = (VecDeque::new(), 0);
    loop {
        let frame = match timeout_at(deadline, body.frame()).await {
            Ok(Some(frame)) => frame,
            Ok(None) => break,
            Err(_) => return Collected::Begun(frames, body),
        };
        bytes += frame
            .as_ref()
            .ok()
            .and_then(Frame::data_ref)
            .map_or(bytes_max + 1, Bytes::len);
        frames.push_back(frame);
        if bytes > bytes_max {
            return Collected::Begun(frames, body);
        }
    }
    Collected::Whole(joined(frames))
}

impl Body for Outgoing {
    type Data = Chunk;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Chunk>, Error>>> {
        let coming = &mut self.get_mut().coming;
        match coming {
            Coming::Whole(chunk) => Poll::Ready(chunk.take().map(|chunk| Ok(Frame::data(chunk)))),
            Coming::Frames(frames) => {
                let frame = frames.pop_front();
                if frames.is_empty() {
                    *coming = Coming::Whole(None);
                }
                Poll::Ready(frame)
            }
            Coming::Later(frames) => {
                let frame = ready!(frames.poll_recv(cx));
                if frame.is_none() {
                    *coming = Coming::Whole(None);
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.coming, Coming::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.coming {
            Coming::Whole(chunk) => {
                SizeHint::with_exact(chunk.as_ref().map_or(0, |chunk| chunk.remaining() as u64))
            }
            Coming::Frames(_) | Coming::Later(_) => SizeHint::default(),
        }
    }
}
