//! What every gRPC function needs besides `guest`: calls of its host as tonic's servers take them, deadlines, and
//! statuses that say what an error body says over HTTP.

#![warn(missing_docs, clippy::missing_errors_doc)]

mod deadline;
#[cfg(target_family = "wasm")]
#[path = "component.rs"]
pub mod host;
#[cfg(not(target_family = "wasm"))]
#[path = "native.rs"]
pub mod host;
mod metadata;
mod reply;
mod status;

use ::http::HeaderMap;
use contract::api::route::access::{self, Access};
use contract::api::route::limited::Limited;
use deadline::CALL_MAX;
use domain::limits::BODY_BYTES_MAX;
use futures::future::{Either, select};
use guest::{Caller, Fault};
use http_body_util::Full;
use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;
use tonic::Status;
use tonic::codegen::Service;

pub use bytes::Bytes;
pub use guest;
pub use http;
pub use metadata::{idempotency_keys, preferences, set, stale, trace_id};
pub use reply::Body;
pub use status::{ERROR_CODE, status};

/// A call whose messages come as a stream.
pub type Request = http::Request<host::Incoming>;
/// A call with one message, which is here.
pub type UnaryRequest = http::Request<Full<Bytes>>;
/// The reply to either.
pub type Response = http::Response<Body>;

/// Bytes of the largest message that is read: those of the largest body over HTTP.
pub const MESSAGE_BYTES_MAX: usize = BODY_BYTES_MAX;

/// What tonic makes of a service.
pub trait Server<B>:
    Service<http::Request<B>, Response = http::Response<tonic::body::Body>, Error = Infallible>
{
}

impl<B, S> Server<B> for S where
    S: Service<http::Request<B>, Response = http::Response<tonic::body::Body>, Error = Infallible>
{
}

/// Lets a server answer a call of streams, within its deadline.
pub async fn serve(mut server: impl Server<host::Incoming>, mut call: Request) -> Response {
    match begun(&mut call).await {
        Ok(limit) => within(limit.unwrap_or(CALL_MAX), server.call(call)).await,
        Err(status) => reply::refusal(status),
    }
}

/// Lets a server answer a call with one message, within the call's deadline.
pub async fn serve_unary(mut server: impl Server<Full<Bytes>>, mut call: UnaryRequest) -> Response {
    match begun(&mut call).await {
        Ok(Some(limit)) => within(limit, server.call(call)).await,
        Ok(None) => match server.call(call).await {
            Ok(response) => reply::of(response, None),
            Err(never) => match never {},
        },
        Err(status) => reply::refusal(status),
    }
}

/// How long a call may take, where its caller may make it. The caller goes with the call.
async fn begun<B>(call: &mut http::Request<B>) -> Result<Option<Duration>, Status> {
    let headers = call.headers();
    let limit = deadline::of(headers)?;
    // What is no method is refused by its server.
    let (access, limited) = access::method(call.uri().path())
        .map_or((Access::Anyone, Limited::No), |method| {
            (method.access, method.limited)
        });
    let parent = headers.get("traceparent");
    let parent = parent.and_then(|parent| parent.to_str().ok());
    let trace_id = guest::http::trace_id_of(parent);
    let caller = admitted(access, limited, headers, &trace_id).await;
    let caller = caller.map_err(|fault| status(&fault, &trace_id))?;
    call.extensions_mut().insert(caller);
    Ok(limit)
}

/// Who calls, if the caller may, now.
async fn admitted(
    access: Access,
    limited: Limited,
    headers: &HeaderMap,
    trace_id: &str,
) -> Result<Caller, Fault> {
    let lines = |name: &str| -> Vec<Vec<u8>> {
        let lines = headers.get_all(name).iter();
        lines.map(|line| line.as_bytes().to_vec()).collect()
    };
    guest::http::admit_page(lines("origin")).await?;
    let caller = guest::caller::admit_call(access, lines).await?;
    let checked = guest::limit::check(limited, &caller, lines, trace_id).await;
    match checked {
        Ok(_) => Ok(caller),
        Err(refused) => Err(refused.fault),
    }
}

/// Who makes a call.
pub fn caller<T>(request: &tonic::Request<T>) -> Caller {
    let caller = request.extensions().get::<Caller>();
    caller.cloned().unwrap_or(Caller::Anyone)
}

type Answer = Result<http::Response<tonic::body::Body>, Infallible>;

async fn within(limit: Duration, answering: impl Future<Output = Answer>) -> Response {
    match select(pin!(answering), deadline::timer(limit)).await {
        Either::Left((Ok(response), timer)) => reply::of(response, Some(timer)),
        Either::Left((Err(never), _)) => match never {},
        Either::Right(_) => reply::refusal(deadline::exceeded()),
    }
}

/// The reply to a call of a service that is none of the component's.
pub fn unknown_service() -> Response {
    reply::refusal(Status::unimplemented("no such service"))
}
