//! Calls in a native program, which has read them already.

use crate::{Request, Response};
use bytes::Bytes;
use http_body_util::Full;

/// The messages of a call.
pub type Incoming = Full<Bytes>;

/// Makes `async fn(grpc::Request) -> grpc::Response` the function `respond`, for the embedding program.
#[macro_export]
macro_rules! function {
    ($answer:ident) => {
        /// Answers a call.
        pub async fn respond(call: $crate::http::Request<$crate::Bytes>) -> $crate::Response {
            $crate::host::answer(call, $answer).await
        }
    };
}

/// The same: a native call is whole before it is answered.
#[macro_export]
macro_rules! unary_function {
    ($answer:ident) => {
        $crate::function!($answer);
    };
}

/// Answers a call.
pub async fn answer<H, F>(call: http::Request<Bytes>, handler: H) -> Response
where
    H: FnOnce(Request) -> F,
    F: Future<Output = Response>,
{
    handler(call.map(Full::new)).await
}
