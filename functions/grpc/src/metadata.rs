//! What callers send beside the message.

use guest::http;
use tonic::Response;
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

/// Every line of `prefer` that is text.
pub fn preferences(metadata: &MetadataMap) -> impl Iterator<Item = &str> {
    let lines = metadata.get_all("prefer").into_iter();
    lines.filter_map(|line| line.to_str().ok())
}

/// Adds a header of the reply that is plain ASCII; another value is left out.
pub fn set<T>(response: &mut Response<T>, name: &'static str, value: &str) {
    if let Ok(value) = value.parse() {
        response.metadata_mut().insert(name, value);
    }
}

/// Invalidates the hosts' cached HTTP replies in these groups.
pub fn stale<'a, T>(response: &mut Response<T>, groups: impl IntoIterator<Item = &'a str>) {
    let (name, value) = http::stale(groups);
    set(response, name, &value);
}
