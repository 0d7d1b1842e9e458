//! Calls of a component's host, as tonic's servers take them.

use crate::{MESSAGE_BYTES_MAX, Request, Response, UnaryRequest, reply};
use bytes::Bytes;
use domain::Rejection;
use guest::host::http as house;
use guest::spin_sdk::wasip3::http::types as wasi;
use guest::spin_sdk::wasip3::http_compat::{
    IncomingRequestBody, http_from_wasi_request, http_into_wasi_response,
};
use guest::spin_sdk::wasip3::wit_bindgen::StreamResult;
use guest::spin_sdk::wasip3::wit_future;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, Full};
use http_rules::grpc::{PREFIX_BYTES, first_message, is_call};
use tonic::Status;

/// The messages of a call, as they come.
pub type Incoming = IncomingRequestBody;

/// Room for the first piece of a message.
const CHUNK_BYTES: usize = 4 * 1024;

/// Makes `async fn(grpc::Request) -> grpc::Response` the component's HTTP handler.
#[macro_export]
macro_rules! function {
    ($answer:ident) => {
        $crate::function!($answer by answer);
    };
    ($answer:ident by $host:ident) => {
        mod exported {
            use wasip3::http::types::{ErrorCode, Request, Response};
            use $crate::guest::spin_sdk::wasip3;

            struct Function;
            wasip3::http::service::export!(Function);

            impl wasip3::exports::http::handler::Guest for Function {
                async fn handle(request: Request) -> Result<Response, ErrorCode> {
                    $crate::host::$host(request, super::$answer).await
                }
            }
        }
    };
}

/// Makes `async fn(grpc::UnaryRequest) -> grpc::Response` the component's HTTP handler.
///
/// A call with one message and one reply needs no streams: each of their pieces crosses to the host and back.
#[macro_export]
macro_rules! unary_function {
    ($answer:ident) => {
        $crate::function!($answer by answer_unary);
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
    if !matches!(&types[..], [line] if is_call(line)) || !is_post(&request) {
        return refuse(request).await;
    }
    http_into_wasi_response(handler(http_from_wasi_request(request)?).await)
}

fn is_post(request: &wasi::Request) -> bool {
    matches!(request.get_method(), wasi::Method::Post)
}

async fn refuse(request: wasi::Request) -> Result<wasi::Response, wasi::ErrorCode> {
    house::serve(request, async |call| {
        Err(match call.method() {
            "POST" => Rejection::NotGrpc.into(),
            _ => Rejection::MethodNotAllowed.into(),
        })
    })
    .await
}

/// Answers a call with one message and one reply; otherwise as [`answer`].
///
/// # Errors
/// As [`answer`].
pub async fn answer_unary<H, F>(
    request: wasi::Request,
    handler: H,
) -> Result<wasi::Response, wasi::ErrorCode>
where
    H: FnOnce(UnaryRequest) -> F,
    F: Future<Output = Response>,
{
    let headers = HeaderMap::try_from(request.get_headers())?;
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let line = types.next().filter(|line| is_call(line.as_bytes()));
    if line.is_none() || types.next().is_some() || !is_post(&request) {
        return refuse(request).await;
    }
    let target = request.get_path_with_query().unwrap_or_default();
    let mut call = http::Request::new(Full::default());
    *call.uri_mut() = target
        .parse()
        .map_err(|_| wasi::ErrorCode::HttpRequestUriInvalid)?;
    *call.headers_mut() = headers;
    let response = match message(request).await {
        Ok(message) => {
            *call.body_mut() = Full::new(message);
            handler(call).await
        }
        Err(status) => reply::refusal(status),
    };
    give(response).await
}

/// The first message of a call: tonic judges it, also one that is too long, of which only the beginning is read.
async fn message(request: wasi::Request) -> Result<Bytes, Status> {
    let (_handled, handling) = wit_future::new(|| Ok(()));
    let (mut stream, ended) = wasi::Request::consume_body(request, handling);
    let mut body = Vec::with_capacity(CHUNK_BYTES);
    loop {
        let wanted = first_message(&body);
        if body.len() >= wanted || wanted > PREFIX_BYTES + MESSAGE_BYTES_MAX {
            break;
        }
        if body.len() == body.capacity() {
            body.reserve(CHUNK_BYTES);
        }
        let (result, read) = stream.read(body).await;
        body = read;
        if result == StreamResult::Dropped {
            ended.await.map_err(|_| reply::paused())?;
            break;
        }
    }
    let wanted = first_message(&body);
    if wanted <= PREFIX_BYTES + MESSAGE_BYTES_MAX && body.len() < wanted {
        let reason = "the call has no message, or one that is cut short";
        return Err(Status::invalid_argument(reason));
    }
    // Others are not read.
    body.truncate(wanted);
    Ok(Bytes::from(body))
}

async fn give(response: Response) -> Result<wasi::Response, wasi::ErrorCode> {
    let (head, body) = response.into_parts();
    let (message, trailers) = match body.collect().await {
        Ok(whole) => {
            let trailers = whole.trailers().map(fields).unwrap_or_default();
            (Vec::from(whole.to_bytes()), trailers)
        }
        Err(status) => (Vec::new(), fields(&reply::trailers(&status))),
    };
    house::give(
        head.status.as_u16(),
        &fields(&head.headers),
        message,
        trailers,
    )
}

fn fields(headers: &HeaderMap) -> Vec<house::Field> {
    let fields = headers.iter();
    fields
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect()
}
