//! Replies as they leave a function: within their deadline, and with their status in trailers, whatever tonic does. A
//! status among the headers counts only where the stream ends with them, which a function cannot make its host do.

use crate::deadline::{self, Timer};
use crate::status::described;
use bytes::Bytes;
use contract::api::problem::Code as Error;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use http_body::Frame;
use http_rules::grpc::ERROR_CODE;
use std::pin::Pin;
use std::task::{Context, Poll};
use tonic::{Code, Status};

/// The reply of a server. Its messages may come later, until `timer` ends.
pub(crate) fn of(response: Response<tonic::body::Body>, timer: Option<Timer>) -> Response<Body> {
    match Status::from_header_map(response.headers()) {
        Some(status) => refusal(status),
        None => response.map(|body| Body::Messages { body, timer }),
    }
}

/// A reply without a message.
pub(crate) fn refusal(status: Status) -> Response<Body> {
    let mut response = Response::new(Body::End(Some(trailers(&coded(status)))));
    let grpc = HeaderValue::from_static(http_rules::grpc::CONTENT_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, grpc);
    response
}

/// Adds the contract's code to a status that tonic has made. What is too large is called what other servers call it,
/// and what tonic does not know is a message that did not come: its host ends a call whose client pauses.
fn coded(mut status: Status) -> Status {
    if status.metadata().contains_key(ERROR_CODE) {
        return status;
    }
    status = match status.code() {
        Code::OutOfRange => Status::resource_exhausted(status.message()),
        Code::Unknown => paused(),
        _ => status,
    };
    let error = match status.code() {
        Code::Unimplemented => Error::NotFound,
        Code::DeadlineExceeded | Code::Unavailable => Error::Unavailable,
        Code::Internal => Error::Internal,
        _ => Error::BadParameter,
    };
    let text = match status.message() {
        "" => "no such method",
        text => text,
    };
    described(status.code(), error, text)
}

/// The status of a call whose client did not send it whole.
pub(crate) fn paused() -> Status {
    Status::deadline_exceeded("the call's next message did not come in time")
}

/// A frame, whose status is [`coded`] where it is the last of a call that failed.
fn ended(frame: Frame<Bytes>) -> Frame<Bytes> {
    let status = frame.trailers_ref().and_then(Status::from_header_map);
    match status {
        Some(status) if status.code() != Code::Ok => Frame::trailers(trailers(&coded(status))),
        _ => frame,
    }
}

pub(crate) fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if status.add_header(&mut trailers).is_err() {
        trailers.insert("grpc-status", HeaderValue::from_static("13"));
    }
    trailers
}

/// The body of a reply.
pub enum Body {
    /// Messages and trailers of tonic.
    Messages {
        /// What tonic writes.
        body: tonic::body::Body,
        /// Ends at the deadline, where there is one.
        timer: Option<Timer>,
    },
    /// Trailers, and then nothing.
    End(Option<HeaderMap>),
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match &mut *self {
            Body::Messages { body, timer } => {
                if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
                    return Poll::Ready(frame.map(|frame| frame.map(ended)));
                }
                let Some(timer) = timer else {
                    return Poll::Pending;
                };
                if timer.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                let exceeded = trailers(&coded(deadline::exceeded()));
                *self = Body::End(None);
                Poll::Ready(Some(Ok(Frame::trailers(exceeded))))
            }
            Body::End(trailers) => Poll::Ready(trailers.take().map(|end| Ok(Frame::trailers(end)))),
        }
    }
}
