//! What callers send beside the message.

use guest::http;
use tonic::metadata::MetadataMap;

/// The call's trace id: that of its `traceparent`, else a random one.
pub fn trace_id(metadata: &MetadataMap) -> String {
    let parent = metadata.get("traceparent");
    http::trace_id_of(parent.and_then(|parent| parent.to_str().ok()))
}

/// Every line of `idempotency-key`, as it came.
pub fn idempotency_keys(metadata: &MetadataMap) -> Vec<Vec<u8>> {
    let lines = metadata.get_all("idempotency-key").iter();
    lines.map(|line| line.as_encoded_bytes().to_vec()).collect()
}
