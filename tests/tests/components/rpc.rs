//! Calls of gRPC functions: one message there and one back, with the trailers.

use crate::host::{Instance, request};
use crate::script::Script;
use http::HeaderValue;
use prost::Message;
use tests::grpc::{Ended, ended, framed};

/// Calls a method (`package.Service/Method`) of a function with scripted servers, and checks that the script was
/// followed. `key`: the line of `idempotency-key`.
pub fn call<T: Message + Default>(
    function: &str,
    method: &str,
    message: &impl Message,
    key: Option<&str>,
    script: &Script,
) -> Ended<T> {
    let body = framed(message).to_vec();
    let mut request = request("POST", &format!("/{method}"), body);
    let headers = request.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    if let Some(key) = key {
        headers.insert("idempotency-key", key.parse().unwrap());
    }
    let mut instance = Instance::new(function, script, &[("stock_hold_seconds", "60")]);
    let (head, body) = instance.exchange(request);
    script.check();
    assert_eq!(head.status, 200);
    let trailers = body.trailers().cloned().unwrap_or_default();
    ended(&head.headers, body.to_bytes(), &trailers).unwrap()
}
