//! Bodies on their way in and out: bounded in size and in pauses, and holding the request's permit to the last byte.

use super::Permit;
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep, timeout_at};
use wasmtime_wasi_http::{Error, WasiBody};

/// A request body for the guest.
pub fn incoming(body: Incoming, bytes_max: u64, pause_max: Duration) -> WasiBody {
    if body.is_end_stream() {
        return Empty::new().map_err(|never| match never {}).boxed_unsync();
    }
    Bounded {
        body,
        bytes_max,
        bytes: 0,
        pause_max,
        pause: None,
    }
    .boxed_unsync()
}

struct Bounded {
    body: Incoming,
    bytes_max: u64,
    bytes: u64,
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
                pause
                    .as_mut()
                    .poll(cx)
                    .map(|()| Some(Err(Error::ConnectionReadTimeout)))
            }
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(pause) = &mut this.pause {
                    pause.as_mut().reset(Instant::now() + this.pause_max);
                }
                this.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                Poll::Ready(Some(match this.bytes > this.bytes_max {
                    true => Err(Error::HttpRequestBodySize(Some(this.bytes))),
                    false => Ok(frame),
                }))
            }
            Poll::Ready(end) => Poll::Ready(end.map(|frame| frame.map_err(Error::from))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A response body.
pub enum Outgoing {
    /// The host's own words.
    Own(Option<Bytes>),
    /// The guest's, with the permit of its request.
    Guest { body: WasiBody, _permit: Permit },
    /// What was collected of the guest's, and the rest.
    Begun {
        frames: VecDeque<Result<Frame<Bytes>, Error>>,
        body: WasiBody,
        _permit: Permit,
    },
}

/// What became of collecting a body.
pub enum Collected {
    /// All of it.
    Whole(Bytes),
    /// Too large, too slow, or with more than data in it: as far as it came, and the rest.
    Begun(VecDeque<Result<Frame<Bytes>, Error>>, WasiBody),
}

/// Collects a body of at most `bytes_max`, for at most `within`. Nothing of it is lost.
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
    let data = |frame: Result<Frame<Bytes>, Error>| frame.ok().and_then(|f| f.into_data().ok());
    if frames.len() <= 1 {
        let only = frames.pop_front().and_then(data);
        return Collected::Whole(only.unwrap_or_default());
    }
    let mut whole = BytesMut::with_capacity(bytes);
    for data in frames.into_iter().filter_map(data) {
        whole.extend_from_slice(&data);
    }
    Collected::Whole(whole.freeze())
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.get_mut() {
            Self::Own(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Self::Guest { body, .. } => Pin::new(body).poll_frame(cx),
            Self::Begun { frames, body, .. } => match frames.pop_front() {
                Some(frame) => Poll::Ready(Some(frame)),
                None => Pin::new(body).poll_frame(cx),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(text) => text.is_none(),
            Self::Guest { body, .. } => body.is_end_stream(),
            Self::Begun { frames, body, .. } => frames.is_empty() && body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(text) => {
                SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64))
            }
            Self::Guest { body, .. } => body.size_hint(),
            Self::Begun { .. } => SizeHint::default(),
        }
    }
}
