//! Reads request bodies for components with few slots: a client that sends slowly keeps a request of its own waiting,
//! and no slot.

use crate::limits;
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use wasmtime_wasi_http::{Error, WasiBody};

/// The body, once it is here: all of it, or more than [`limits::READ_AHEAD_BYTES_MAX`].
pub async fn read(mut body: WasiBody) -> WasiBody {
    if body.is_end_stream() {
        return body;
    }
    let mut data = BytesMut::new();
    let mut last = None;
    let rest = loop {
        match body.frame().await {
            None => break None,
            Some(Ok(frame)) => match frame.into_data() {
                Ok(bytes) => data.extend_from_slice(&bytes),
                Err(trailers) => last = Some(Ok(trailers)),
            },
            Some(Err(error)) => last = Some(Err(error)),
        }
        if last.is_some() || data.len() > limits::READ_AHEAD_BYTES_MAX {
            break Some(body);
        }
    };
    let data = (!data.is_empty()).then(|| Ok(Frame::data(data.freeze())));
    let frames = data.into_iter().chain(last).collect();
    Ahead { frames, rest }.boxed_unsync()
}

/// What was read of a body, and the rest.
struct Ahead {
    frames: VecDeque<Result<Frame<Bytes>, Error>>,
    /// `None` where there is none.
    rest: Option<WasiBody>,
}

impl Body for Ahead {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        match (this.frames.pop_front(), &mut this.rest) {
            (Some(frame), _) => Poll::Ready(Some(frame)),
            (None, Some(rest)) => Pin::new(rest).poll_frame(cx),
            (None, None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty() && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let data = |frame: &Result<Frame<Bytes>, Error>| {
            frame
                .as_ref()
                .ok()
                .and_then(Frame::data_ref)
                .map(Bytes::len)
        };
        let read: usize = self.frames.iter().filter_map(data).sum();
        match &self.rest {
            None => SizeHint::with_exact(read as u64),
            Some(_) => {
                let mut hint = SizeHint::new();
                hint.set_lower(read as u64);
                hint
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream::{self, StreamExt};
    use http::HeaderMap;
    use http_body_util::StreamBody;

    const MAX: usize = limits::READ_AHEAD_BYTES_MAX;

    fn data(length: usize) -> Result<Frame<Bytes>, Error> {
        Ok(Frame::data(vec![b'x'; length].into()))
    }

    fn body(frames: Vec<Result<Frame<Bytes>, Error>>) -> WasiBody {
        StreamBody::new(stream::iter(frames)).boxed_unsync()
    }

    #[tokio::test]
    async fn a_body_is_read_whole_with_its_trailers() {
        let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), "1".parse().unwrap())]);
        let frames = vec![data(1), data(2), Ok(Frame::trailers(trailers.clone()))];
        let read = read(body(frames)).await.collect().await.unwrap();
        assert_eq!(read.trailers(), Some(&trailers));
        assert_eq!(read.to_bytes(), "xxx");
    }

    #[tokio::test]
    async fn a_body_without_trailers_has_its_length() {
        let read = read(body(vec![data(MAX)])).await;
        assert_eq!(read.size_hint().exact(), Some(MAX as u64));
        assert!(!read.is_end_stream());
    }

    #[tokio::test]
    async fn a_long_body_is_begun_and_none_of_it_is_lost() {
        let frames = stream::iter([data(MAX), data(1)]).chain(stream::pending());
        let never = StreamBody::new(frames).boxed_unsync();
        assert_eq!(read(never).await.size_hint().lower(), MAX as u64 + 1);
        let read = read(body(vec![data(MAX), data(1), data(MAX)])).await;
        assert_eq!(read.size_hint().exact(), None);
        let all = read.collect().await.unwrap().to_bytes();
        assert_eq!(all.len(), 2 * MAX + 1);
    }

    #[tokio::test]
    async fn an_error_comes_behind_what_was_read() {
        let frames = vec![data(3), Err(Error::ConnectionReadTimeout)];
        let mut read = read(body(frames)).await;
        let first = read.frame().await.unwrap().unwrap();
        assert_eq!(first.into_data().unwrap(), "xxx");
        assert!(read.frame().await.unwrap().is_err());
    }
}
