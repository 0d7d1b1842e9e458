//! HTTP of a component: the host's request in, the host's response out. What a function does not read stays with the
//! host: each header costs a call, and so does the body.

use crate::Fault;
use crate::http::call::TOO_LARGE;
use crate::http::{Call, Reply, answer};
use bytes::Bytes;
use domain::Rejection;
use domain::limits::BODY_BYTES_MAX;
use http_body_util::{BodyExt, Full};
use spin_sdk::wasip3::http::types::{ErrorCode, Headers, Method, Request, Response};
use spin_sdk::wasip3::wit_bindgen::StreamResult;
use spin_sdk::wasip3::{spawn, wit_future, wit_stream};
use std::borrow::Cow;
use std::pin::pin;

/// Room for the first piece of a body of unknown length.
const CHUNK_BYTES: usize = 4 * 1024;

/// Makes `async fn(Call) -> Result<Reply, Fault>` the component's HTTP handler.
///
/// The SDK's own attribute copies every header into a map, and body and reply through a second kind of stream, whether
/// the function needs them or not.
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
                    $crate::host::http::serve(request, super::$answer).await
                }
            }
        }
    };
}

/// Runs a handler and gives its reply to the host.
///
/// # Errors
/// Where the host refuses a header or the status.
pub async fn serve<H, F>(request: Request, handler: H) -> Result<Response, ErrorCode>
where
    H: FnOnce(Call) -> F,
    F: Future<Output = Result<Reply, Fault>>,
{
    let (head, body) = read(request);
    respond(answer(head, body, handler).await)
}

/// Gives the reply to the host.
fn respond(mut reply: Reply) -> Result<Response, ErrorCode> {
    let headers = reply.head(|name, value| (name.to_owned(), value.into_owned().into_bytes()));
    let trailers = reply.trailers(|name, value| (name.to_owned(), value.into_owned().into_bytes()));
    give(reply.status, &headers, reply.body, trailers)
}

/// A header or a trailer.
pub type Field = (String, Vec<u8>);

/// Gives a reply to the host; its body follows as the host reads it, and then the trailers.
///
/// # Errors
/// Where the host refuses a header or the status.
pub fn give(
    status: u16,
    headers: &[Field],
    body: Vec<u8>,
    trailers: Vec<Field>,
) -> Result<Response, ErrorCode> {
    let headers = Headers::from_list(headers)
        .map_err(|error| ErrorCode::InternalError(Some(format!("headers: {error}"))))?;
    // Dropped after the body, it gives no trailers.
    let (end, trailing) = wit_future::new(|| Ok(None));
    let (mut writer, stream) = wit_stream::new();
    let (response, _sent) = Response::new(headers, Some(stream), trailing);
    // A new response has status 200.
    if status != 200 {
        response
            .set_status_code(status)
            .map_err(|()| ErrorCode::InternalError(Some(format!("status {status}"))))?;
    }
    spawn(async move {
        // Unread bytes mean that the client has gone.
        let _unread = writer.write_all(body).await;
        drop(writer);
        if !trailers.is_empty() {
            let _unread = end.write(Ok(Headers::from_list(&trailers).ok())).await;
        }
    });
    Ok(response)
}

/// The host's request until its body is read, then `None`.
pub(crate) type Body = Option<Request>;

/// What stands before the body.
pub(crate) struct Head {
    headers: Headers,
    method: Cow<'static, str>,
    path_and_query: String,
}

fn read(request: Request) -> (Head, Body) {
    let head = Head {
        headers: request.get_headers(),
        method: method_name(request.get_method()),
        path_and_query: request.get_path_with_query().unwrap_or_default(),
    };
    (head, Some(request))
}

impl Head {
    /// As the caller sent it.
    pub(crate) fn method(&self) -> &str {
        &self.method
    }

    /// Not decoded; empty where the host gives none.
    pub(crate) fn path_and_query(&self) -> &str {
        &self.path_and_query
    }

    /// Every line of a header, as it came; none where it is absent.
    pub(crate) fn header_lines(&self, name: &str) -> Vec<Vec<u8>> {
        self.headers.get(name)
    }
}

impl Call {
    /// The host and port that the request was sent to.
    pub(crate) fn authority(&self) -> Option<String> {
        self.content.as_ref()?.get_authority()
    }

    /// The body of the host's request; empty when it was read before.
    ///
    /// # Errors
    /// Where it is too long, or ends too early.
    pub(crate) async fn read_body(&mut self) -> Result<Bytes, Rejection> {
        let declared = self.declared();
        if declared.is_some_and(|length| length > BODY_BYTES_MAX as u64) {
            return Err(TOO_LARGE);
        }
        let declared = declared.map(|length| length as usize);
        let request = self.content.take();
        let Some(request) = request.filter(|_| declared != Some(0)) else {
            return Ok(Bytes::new());
        };
        let (_handled, handling) = wit_future::new(|| Ok(()));
        let (mut stream, ended) = Request::consume_body(request, handling);
        let mut body = Vec::with_capacity(declared.unwrap_or(CHUNK_BYTES));
        // A body of known length ends with its last byte; any other with the end of its stream.
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

/// Sends a request to another server. Gives its status and its whole body of at most `bytes_max` bytes.
///
/// # Errors
/// Where the server is away or its body is longer; the text is for the log.
pub async fn send(
    request: http::Request<Full<Bytes>>,
    bytes_max: usize,
) -> Result<(http::StatusCode, Vec<u8>), String> {
    let response = spin_sdk::http::send(request).await;
    let response = response.map_err(|error| error.to_string())?;
    let status = response.status();
    let length = response.headers().get(http::header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let mut answer: Vec<u8> = Vec::with_capacity(bytes_max.min(length.unwrap_or(0)));
    let mut body = pin!(response.into_body());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| error.to_string())?.into_data() else {
            continue;
        };
        if answer.len() + data.len() > bytes_max {
            return Err(format!("answered more than {bytes_max} bytes"));
        }
        answer.extend_from_slice(&data);
    }
    Ok((status, answer))
}
