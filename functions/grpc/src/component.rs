//! Calls of a component's host, as tonic's servers take them.

use crate::{Request, Response};
use domain::Rejection;
use guest::host::http as house;
use guest::spin_sdk::wasip3::http::types as wasi;
use guest::spin_sdk::wasip3::http_compat::{
    IncomingRequestBody, http_from_wasi_request, http_into_wasi_response,
};
use http_rules::grpc::is_call;

/// The messages of a call, as they come.
pub type Incoming = IncomingRequestBody;

/// Makes `async fn(grpc::Request) -> grpc::Response` the component's HTTP handler.
#[macro_export]
macro_rules! function {
    ($answer:ident) => {
        mod exported {
            use wasip3::http::types::{ErrorCode, Request, Response};
            use $crate::guest::spin_sdk::wasip3;

            struct Function;
            wasip3::http::service::export!(Function);

            impl wasip3::exports::http::handler::Guest for Function {
                async fn handle(request: Request) -> Result<Response, ErrorCode> {
                    $crate::host::answer(request, super::$answer).await
                }
            }
        }
    };
}

/// Answers a call; what is none is refused as every other route refuses it.
///
/// # Errors
/// Where the host gives a request, or refuses a reply, that cannot be.
pub async fn answer<H, F>(
    request: wasi::Request,
    handler: H,
) -> Result<wasi::Response, wasi::ErrorCode>
where
    H: FnOnce(Request) -> F,
    F: Future<Output = Response>,
{
    let types = request.get_headers().get("content-type");
    if !matches!(&types[..], [line] if is_call(line)) {
        return house::serve(request, async |_| Err(Rejection::NotGrpc.into())).await;
    }
    http_into_wasi_response(handler(http_from_wasi_request(request)?).await)
}
