//! Calls of gRPC functions: one message there and one back, with the trailers.

use crate::host::Instance;
use crate::script::Script;
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
    let mut request = http::Request::builder()
        .method("POST")
        .uri(format!("http://127.0.0.1/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let request = request.body(framed(message).to_vec()).unwrap();
    let mut instance = Instance::new(function, script, &[("stock_hold_seconds", "60")]);
    let (head, body) = instance.exchange(request);
    script.check();
    assert_eq!(head.status, 200);
    let trailers = body.trailers().cloned().unwrap_or_default();
    ended(&head.headers, body.to_bytes(), &trailers).unwrap()
}
