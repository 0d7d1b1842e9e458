//! Requests and replies between the host (`host::http`) and a function. What holds for every route is done here: the
//! target is checked, `HEAD` is a `GET`, `OPTIONS` is answered, callers are known and limited, and faults become error
//! replies.

pub(crate) mod call;
pub(crate) mod cross_origin;
mod query;
mod reply;

use crate::Fault;
use crate::caller;
use crate::host::http::{Body, Head};
use crate::limit::{self, Refused, Standing};
use crate::log::{self, Level};
use contract::api::route::{self, access};
use domain::Rejection;
use http_rules::error::Form;
use http_rules::grpc;
use std::sync::Arc;

pub use crate::host::http::send;
pub use call::{Call, trace_id_of};
pub use cross_origin::admit_page;
pub use reply::{Reply, stale};

/// What a client without a valid token is sent (RFC 6750).
const CHALLENGE: &str = "www-authenticate";
const REALM: &str = "Bearer realm=\"flashorder\"";
/// The same, of what machines sign.
const SIGNATURES: &str = "HMAC-SHA256 realm=\"flashorder\"";

/// Answers a request: by the handler, or here where no function needs to see it.
pub(crate) async fn answer<H, F>(head: Head, body: Body, handler: H) -> Reply
where
    H: FnOnce(Call) -> F,
    F: Future<Output = Result<Reply, Fault>>,
{
    let origins = cross_origin::origins_or_none().await;
    let head = Arc::new(head);
    let (call, checked) = Call::new(head.clone(), body);
    let trace_id = call.trace_id.clone();
    let admitted = checked.and_then(|()| cross_origin::admit(&call, origins));
    let outcome = match admitted {
        Err(rejection) => Err(Fault::from(rejection).into()),
        Ok(()) if head.method() == "OPTIONS" => {
            let options = cross_origin::options(&head, call.path(), origins);
            options.map_err(|rejection| Fault::from(rejection).into())
        }
        Ok(()) => asked(call, handler).await,
    };
    let reply = outcome.unwrap_or_else(|Refused { fault, standing }| {
        about(failed(&fault, &head, &trace_id), standing)
    });
    cross_origin::show(reply, &head, origins)
}

/// The reply of the function, if its caller may have one now.
async fn asked<H, F>(mut call: Call, handler: H) -> Result<Reply, Refused>
where
    H: FnOnce(Call) -> F,
    F: Future<Output = Result<Reply, Fault>>,
{
    let Some(served) = route::served(call.method(), call.path()) else {
        return match access::method(call.path()) {
            // No call of it: its function says so.
            Some(_) => handler(call).await.map_err(Refused::from),
            None => Err(Fault::from(Rejection::MethodNotAllowed).into()),
        };
    };
    call.caller = caller::admit(served.access, &mut call).await?;
    let lines = |name: &'static str| call.header_lines(name);
    let standing = limit::check(served.limited, &call.caller, lines, &call.trace_id).await?;
    // An error of the function is not about a limit.
    Ok(about(handler(call).await?, standing))
}

/// A reply with the limit that it is about.
fn about(reply: Reply, standing: Option<Standing>) -> Reply {
    let headers = standing.iter().flat_map(Standing::headers);
    headers.fold(reply, |reply, (name, value)| reply.with(name, value))
}

/// The error reply of a fault, in the form that the path and the client ask for.
fn failed(fault: &Fault, head: &Head, trace_id: &str) -> Reply {
    log(fault, trace_id);
    let path = call::path_of(head);
    let methods = match fault {
        Fault::Rejected(Rejection::MethodNotAllowed) => route::allow(&path),
        _ => None,
    };
    let problem = match fault {
        // A path without a method is no resource.
        Fault::Rejected(Rejection::MethodNotAllowed) if methods.is_none() => {
            Fault::from(Rejection::NoRoute).problem()
        }
        fault => fault.problem(),
    };
    let types = head.header_lines("content-type");
    if head.method() == "POST" && matches!(&types[..], [line] if grpc::is_call(line)) {
        return Reply::call_refused(&problem);
    }
    let accept = head.header_lines("accept");
    let form = Form::of(&path, accept.iter().map(Vec::as_slice));
    let reply = Reply::problem(&problem, form, trace_id, &path).with("vary", "accept");
    match (fault, methods) {
        (_, Some(methods)) => reply.with("allow", methods),
        (Fault::Rejected(Rejection::UnsupportedCoding), _) => {
            reply.with("accept-encoding", "identity")
        }
        (Fault::Rejected(Rejection::Token(_)), _) => {
            reply.with(CHALLENGE, format!("{REALM}, error=\"invalid_token\""))
        }
        (Fault::Rejected(Rejection::Signature(_) | Rejection::NoSignature), _) => {
            reply.with(CHALLENGE, SIGNATURES)
        }
        _ if problem.status == 401 => reply.with(CHALLENGE, REALM),
        _ => reply,
    }
}

/// Logs a fault, unless it is the caller's own.
pub fn log(fault: &Fault, trace_id: &str) {
    let level = match fault {
        Fault::Rejected(_) => return,
        Fault::Unavailable { .. } => Level::Warn,
        Fault::Internal(_) => Level::Error,
    };
    log::write(level, &fault.to_string(), &[("trace_id", trace_id)]);
}
