//! The edge of a component: the host's request, the host's response. What a function does not ask for stays with the
//! host: each header is a call, and so is the body.

use super::call::TOO_LARGE;
use super::{Call, Kept, Reply};
use crate::Fault;
use bytes::Bytes;
use domain::Rejection;
use domain::limits::BODY_BYTES_MAX;
use spin_sdk::wasip3::http::types::{ErrorCode, Headers, Method, Request, Response};
use spin_sdk::wasip3::wit_bindgen::StreamResult;
use spin_sdk::wasip3::{spawn, wit_future, wit_stream};
use std::borrow::Cow;

/// Room for the first piece of a body of unknown length.
const CHUNK_BYTES: usize = 4 * 1024;

/// Makes `async fn(Call) -> Result<Reply, Fault>` the component's HTTP handler.
///
/// The SDK's own attribute copies every header into a map, and body and reply through a second kind of stream, before the
/// function has asked for anything.
#[macro_export]
macro_rules! http_function {
    ($answer:ident) => {
        mod exported {
            use wasip3::http::types::{ErrorCode, Request, Response};
            use $crate::spin_sdk::wasip3;

            struct Function;
            wasip3::http::service::export!(Function);

            impl wasip3::exports::http::handler::Guest for Function {
                async fn handle(request: Request) -> Result<Response, ErrorCode> {
                    $crate::http::serve(request, super::$answer).await
                }
            }
        }
    };
}

/// Runs a handler and hands its reply over.
pub async fn serve<H, F>(request: Request, handler: H) -> Result<Response, ErrorCode>
where
    H: FnOnce(Call) -> F,
    F: Future<Output = Result<Reply, Fault>>,
{
    let call = Call::new(Incoming::new(request));
    let kept = Kept::of(&call);
    let outcome = match call.readable() {
        Ok(()) => handler(call).await,
        Err(rejection) => Err(rejection.into()),
    };
    respond(kept.reply(outcome))
}

/// Hands the reply over; its body follows as the host takes it.
fn respond(mut reply: Reply) -> Result<Response, ErrorCode> {
    let headers = reply.head(|name, value| (name.to_owned(), value.into_owned().into_bytes()));
    let headers = Headers::from_list(&headers)
        .map_err(|error| ErrorCode::InternalError(Some(format!("headers: {error}"))))?;
    // Dropped after the body, it says that there are no trailers.
    let (end, trailers) = wit_future::new(|| Ok(None));
    let (mut writer, body) = wit_stream::new();
    let (response, _sent) = Response::new(headers, Some(body), trailers);
    // As responses begin.
    if reply.status != 200 {
        response
            .set_status_code(reply.status)
            .map_err(|()| ErrorCode::InternalError(Some(format!("status {}", reply.status))))?;
    }
    spawn(async move {
        // What is left over was for a client that has gone.
        let _unread = writer.write_all(reply.body).await;
        drop(writer);
        drop(end);
    });
    Ok(response)
}

/// The host's request.
pub struct Incoming {
    /// Until its body is read.
    request: Option<Request>,
    headers: Headers,
    method: Cow<'static, str>,
    path_and_query: String,
}

impl Incoming {
    fn new(request: Request) -> Incoming {
        Incoming {
            headers: request.get_headers(),
            method: method_name(request.get_method()),
            path_and_query: request.get_path_with_query().unwrap_or_default(),
            request: Some(request),
        }
    }

    pub fn method(&self) -> &str {
        &self.method
    }

    pub fn path_and_query(&self) -> &str {
        &self.path_and_query
    }

    /// Every line of a header, as it came.
    pub fn header_lines(&self, name: &str) -> Vec<Vec<u8>> {
        self.headers.get(name)
    }
}

impl Call {
    /// Reads a body of at most 64 KB. Empty when it was read before.
    pub async fn body(&mut self) -> Result<Bytes, Rejection> {
        let declared = self.declared();
        if declared.is_some_and(|length| length > BODY_BYTES_MAX as u64) {
            return Err(TOO_LARGE);
        }
        let declared = declared.map(|length| length as usize);
        let request = self.incoming.request.take();
        let Some(request) = request.filter(|_| declared != Some(0)) else {
            return Ok(Bytes::new());
        };
        let (_handled, handling) = wit_future::new(|| Ok(()));
        let (mut stream, ended) = Request::consume_body(request, handling);
        let mut body = Vec::with_capacity(declared.unwrap_or(CHUNK_BYTES));
        // A body of known length ends with its last byte; the end of another is a word of its own.
        while declared != Some(body.len()) {
            body.reserve(if body.len() == body.capacity() {
                CHUNK_BYTES
            } else {
                0
            });
            let (result, read) = stream.read(body).await;
            body = read;
            if body.len() > BODY_BYTES_MAX {
                return Err(TOO_LARGE);
            }
            if result == StreamResult::Dropped {
                let whole = declared.is_none() && ended.await.is_ok();
                return match whole {
                    true => Ok(Bytes::from(body)),
                    false => Err(Rejection::invalid("body", "ended before it was complete")),
                };
            }
        }
        Ok(Bytes::from(body))
    }
}

fn method_name(method: Method) -> Cow<'static, str> {
    Cow::Borrowed(match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => return Cow::Owned(name),
    })
}
