//! gRPC calls: how long each may take, and how it ended. HTTP says 200 for all of them, before their end.

use super::body::Contents;
use crate::metrics::Calls;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use http_rules::grpc;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};
use wasmtime_wasi_http::{Error, WasiBody};

const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// What a client learns whose call was not answered in time.
pub const TOO_LATE: &str = "the call took too long";
/// Status of a call that its client gave up.
const CANCELLED: u8 = 1;
/// Status where a component says none that can be read.
const UNKNOWN: u8 = 2;

/// Whether a request with these headers is a gRPC call.
pub fn is_call(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let first = types.next();
    first.is_some_and(|first| grpc::is_call(first.as_bytes())) && types.next().is_none()
}

/// A call in flight.
pub struct Call {
    deadline: Instant,
}

impl Call {
    /// The call that began `started` with these headers; `None` where it is another request. It ends within `limit`,
    /// and earlier where its client says so. What a client says in a way that cannot be read is left to the component.
    pub fn of(headers: &HeaderMap, started: Instant, limit: Duration) -> Option<Self> {
        if !is_call(headers) {
            return None;
        }
        let timeout = headers.get(TIMEOUT);
        let timeout = timeout.and_then(|timeout| grpc::timeout(timeout.as_bytes()));
        let limit = timeout.map_or(limit, |timeout| timeout.min(limit));
        Some(Self {
            deadline: started + limit,
        })
    }

    /// When it ends at the latest.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The reply, which is counted by its status, and cut off at the deadline.
    pub fn watched(self, response: Response<Contents>, calls: &Arc<Calls>) -> Response<Contents> {
        if response.headers().contains_key(STATUS) {
            calls.ended(status_in(response.headers()));
            return response;
        }
        let calls = calls.clone();
        response.map(|contents| match contents {
            Contents::Guest { body, permit } => Contents::Guest {
                body: Messages {
                    body: Some(body),
                    deadline: self.deadline,
                    timer: None,
                    calls: Some(calls),
                }
                .boxed_unsync(),
                permit,
            },
            other => other,
        })
    }
}

fn status_in(headers: &HeaderMap) -> u8 {
    let status = headers.get(STATUS).and_then(|status| status.to_str().ok());
    status
        .and_then(|status| status.parse().ok())
        .unwrap_or(UNKNOWN)
}

/// Messages and trailers of a component.
struct Messages {
    /// `None` after the end.
    body: Option<WasiBody>,
    deadline: Instant,
    /// Made at the first pause; most replies come without one.
    timer: Option<Pin<Box<Sleep>>>,
    /// `None` once it is counted.
    calls: Option<Arc<Calls>>,
}

impl Messages {
    fn ended(&mut self, status: u8) {
        if let Some(calls) = self.calls.take() {
            calls.ended(status);
        }
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        self.ended(CANCELLED);
    }
}

impl Body for Messages {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        match Pin::new(body).poll_frame(cx) {
            Poll::Ready(frame) => {
                match &frame {
                    Some(Ok(frame)) => {
                        if let Some(trailers) = frame.trailers_ref() {
                            this.ended(status_in(trailers));
                        }
                    }
                    Some(Err(_)) | None => this.ended(UNKNOWN),
                }
                Poll::Ready(frame)
            }
            Poll::Pending => {
                let deadline = this.deadline;
                let timer = this
                    .timer
                    .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
                if timer.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                this.body = None;
                this.ended(grpc::DEADLINE_EXCEEDED);
                let late = refusal(grpc::DEADLINE_EXCEEDED, LATE_CODE, TOO_LATE);
                Poll::Ready(Some(Ok(Frame::trailers(late))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }
}

/// The contract's code of what took too long.
const LATE_CODE: u32 = 10005;

/// A refusal, as headers or as trailers.
pub fn refusal(status: u8, code: u32, reason: &str) -> HeaderMap {
    let message = grpc::message(&format!("[{code}] {reason}"));
    let mut headers = HeaderMap::new();
    headers.insert(STATUS, HeaderValue::from(u16::from(status)));
    if let Ok(message) = HeaderValue::from_str(&message) {
        headers.insert(MESSAGE, message);
    }
    let error_code = HeaderName::from_static(grpc::ERROR_CODE);
    headers.insert(error_code, HeaderValue::from(code));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let lines = lines.iter();
        lines
            .map(|(name, value)| {
                let name = HeaderName::from_static(name);
                (name, HeaderValue::from_static(value))
            })
            .collect()
    }

    #[test]
    fn a_call_ends_when_its_client_says() {
        let limit = Duration::from_secs(30);
        let now = Instant::now();
        let after = |lines: &[(&'static str, &'static str)]| {
            let call = Call::of(&headers(lines), now, limit)?;
            Some(call.deadline() - now)
        };
        let call = ("content-type", "application/grpc");
        assert_eq!(after(&[call]), Some(limit));
        assert_eq!(
            after(&[call, ("grpc-timeout", "20m")]),
            Some(Duration::from_millis(20))
        );
        assert_eq!(after(&[call, ("grpc-timeout", "1H")]), Some(limit));
        assert_eq!(after(&[call, ("grpc-timeout", "soon")]), Some(limit));
        assert_eq!(after(&[("content-type", "application/json")]), None);
    }

    #[tokio::test]
    async fn a_stream_that_idles_is_ended_and_counted() {
        let metrics = Metrics::new().unwrap();
        let calls = metrics.component("orders").calls;
        let never = http_body_util::StreamBody::new(futures::stream::pending());
        let mut messages = Messages {
            body: Some(never.boxed_unsync()),
            deadline: Instant::now(),
            timer: None,
            calls: Some(calls),
        };
        let frame = messages.frame().await.unwrap().unwrap();
        let trailers = frame.into_trailers().unwrap();
        assert_eq!(trailers["grpc-status"], "4");
        assert_eq!(trailers["x-error-code"], "10005");
        assert!(messages.frame().await.is_none());
        drop(messages);
        let text = String::from_utf8(metrics.render().unwrap()).unwrap();
        let line = r#"grpc_calls_total{component="orders",status="4",service="host-adapter"} 1"#;
        assert!(text.contains(line), "{text}");
    }
}
