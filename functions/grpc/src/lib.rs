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

use domain::limits::BODY_BYTES_MAX;
use futures::future::{Either, select};
use std::convert::Infallible;
use std::pin::pin;
use tonic::Status;
use tonic::codegen::Service;

pub use bytes::Bytes;
pub use guest;
pub use http;
pub use metadata::{idempotency_keys, preferences, set, stale, trace_id};
pub use reply::Body;
pub use status::{ERROR_CODE, status};

/// A call.
pub type Request = http::Request<host::Incoming>;
/// Its reply.
pub type Response = http::Response<Body>;

/// Bytes of the largest message that is read: those of the largest body over HTTP.
pub const MESSAGE_BYTES_MAX: usize = BODY_BYTES_MAX;

/// Lets a server of tonic answer a call, within the call's deadline.
pub async fn serve<S>(mut server: S, call: Request) -> Response
where
    S: Service<Request, Response = http::Response<tonic::body::Body>, Error = Infallible>,
{
    let limit = match deadline::of(call.headers()) {
        Ok(limit) => limit,
        Err(status) => return reply::refusal(status),
    };
    let answering = pin!(server.call(call));
    match select(answering, deadline::timer(limit)).await {
        Either::Left((Ok(response), timer)) => reply::of(response, timer),
        Either::Left((Err(never), _)) => match never {},
        Either::Right(_) => reply::refusal(deadline::exceeded()),
    }
}

/// The reply to a call of a service that is none of the component's.
pub fn unknown_service() -> Response {
    reply::refusal(Status::unimplemented("no such service"))
}
