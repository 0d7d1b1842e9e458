//! The way between the host and a function: the request in, the reply or the reason for none out.

mod call;
mod reply;

use crate::Fault;
use crate::shape::Shape;
use contract::order::Envelope;
use contract::problem::Problem;
use spin_sdk::wasip3::http::types::{ErrorCode, Headers, Request, Response};
use spin_sdk::wasip3::{spawn, wit_future, wit_stream};
use std::future::Future;

/// The one reply that says nothing of a body.
const NOT_MODIFIED: u16 = 304;

pub use call::Call;
pub use reply::Reply;

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

/// Runs a handler and turns what it gives, or why it failed, into the host's response.
/// Errors take the common shape, on the routes of 000 theirs.
pub async fn serve<H, F>(request: Request, handler: H) -> Result<Response, ErrorCode>
where
    H: FnOnce(Call) -> F,
    F: Future<Output = Result<Reply, Fault>>,
{
    let call = Call::new(request);
    let trace_id = call.trace_id.clone();
    let shape = Shape::of(call.path());
    let reply = match handler(call).await {
        Ok(reply) => reply,
        Err(fault) => {
            log(&fault, &trace_id);
            let problem = fault.problem();
            let reply = Reply::problem(&problem, &trace_id);
            if shape == Shape::Envelope {
                enveloped(&problem, reply)
            } else {
                reply
            }
        }
    };
    respond(reply)
}

/// Hands the reply over; its body follows as the host takes it.
fn respond(reply: Reply) -> Result<Response, ErrorCode> {
    let mut headers = Vec::with_capacity(2 + reply.headers.len());
    if reply.status != NOT_MODIFIED {
        headers.push(("content-type".to_owned(), b"application/json".to_vec()));
        // The body is a stream to the host: told its length, it need not be sent in chunks.
        let length = reply.body.len().to_string();
        headers.push(("content-length".to_owned(), length.into_bytes()));
    }
    for (name, value) in reply.headers {
        headers.push((name.to_owned(), value.into_bytes()));
    }
    let headers = Headers::from_list(&headers)
        .map_err(|error| ErrorCode::InternalError(Some(format!("headers: {error}"))))?;
    // Dropped after the body, it says that there are no trailers.
    let (end, trailers) = wit_future::new(|| Ok(None));
    let (mut writer, body) = wit_stream::new();
    let (response, _sent) = Response::new(headers, Some(body), trailers);
    response
        .set_status_code(reply.status)
        .map_err(|()| ErrorCode::InternalError(Some(format!("status {}", reply.status))))?;
    spawn(async move {
        // What is left over was for a client that has gone.
        let _unread = writer.write_all(reply.body).await;
        drop(writer);
        drop(end);
    });
    Ok(response)
}

/// 000's clients read `{code, message, data}`, with code = HTTP status.
fn enveloped(problem: &Problem, reply: Reply) -> Reply {
    let body = serde_json::to_vec(&Envelope::failure(problem)).unwrap_or_default();
    Reply { body, ..reply }
}

/// What is the caller's own doing is not logged here; what is not, is, once.
pub fn log(fault: &Fault, trace_id: &str) {
    let level = match fault {
        Fault::Rejected(_) => return,
        Fault::Unavailable { .. } => "WARN",
        Fault::Internal(_) => "ERROR",
    };
    let line = serde_json::json!({
        "timestamp": domain::calendar::rfc3339(crate::clock::now()),
        "level": level,
        "trace_id": trace_id,
        "message": fault.to_string(),
    });
    eprintln!("{line}");
}
