//! A request body as it comes from the connection. What nobody reads of an HTTP/2 body is read and discarded for a
//! while: its stream would be reset otherwise, and a client that is still sending may then not read the reply that it
//! has got. (An HTTP/1 connection is read on as a whole, see `connection`.)

use crate::limits;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

/// The body.
pub struct Received {
    /// `None` once it was taken to be discarded.
    body: Option<Incoming>,
    /// Bytes to discard at most.
    discarded_max: u64,
}

impl Received {
    /// A body of which at most `discarded_max` bytes are discarded where it is dropped before its end.
    pub fn new(body: Incoming, discarded_max: u64) -> Self {
        Self {
            body: Some(body),
            discarded_max,
        }
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.get_mut().body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let hint = self.body.as_ref().map(Body::size_hint);
        hint.unwrap_or_else(|| SizeHint::with_exact(0))
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        let body = self.body.take().filter(|body| !body.is_end_stream());
        // A body that is dropped with its thread has no runtime.
        if self.discarded_max > 0
            && let (Some(body), Ok(runtime)) = (body, Handle::try_current())
        {
            runtime.spawn(discard(body, self.discarded_max));
        }
    }
}

async fn discard(mut body: Incoming, mut left: u64) {
    let deadline = Instant::now() + limits::LINGER_MAX;
    loop {
        let until = deadline.min(Instant::now() + limits::LINGER_PAUSE_MAX);
        let Ok(Some(Ok(frame))) = timeout_at(until, body.frame()).await else {
            return;
        };
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        let Some(rest) = left.checked_sub(bytes) else {
            return;
        };
        left = rest;
    }
}
