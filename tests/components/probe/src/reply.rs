//! Builds the reply that the query describes: `NAME=VALUE` sets a header, percent-encoded. Three names are no headers:
//! `status=`, `bytes=` (of the body) and `gate=ADDRESS` (waits for an element of the Redis list `gate` there). The body
//! is different each time.

use http::{HeaderName, HeaderValue};
use spin_sdk::http::{Response, StatusCode};
use spin_sdk::redis::{Connection, RedisParameter};
use std::hash::{BuildHasher, Hasher, RandomState};

pub async fn build(query: &str) -> anyhow::Result<Response<String>> {
    let mut response = Response::new(format!(
        "{:016x}",
        RandomState::new().build_hasher().finish()
    ));
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded(value);
        match name {
            "status" => *response.status_mut() = StatusCode::from_bytes(value.as_bytes())?,
            "bytes" => {
                let bytes = value.parse::<usize>()?;
                let filler = bytes.saturating_sub(response.body().len());
                response.body_mut().push_str(&"x".repeat(filler));
            }
            "gate" => {
                let gate = Connection::open(value).await?;
                let key = RedisParameter::Binary(b"gate".to_vec());
                let arguments = vec![key, RedisParameter::Int64(20)];
                gate.execute("BLPOP", arguments).await?;
            }
            name => {
                let (name, value) = (HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
                response.headers_mut().append(name, value);
            }
        }
    }
    Ok(response)
}

fn decoded(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let hex = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match byte {
            b'%' => {
                let (high, low) = (hex(bytes.next()), hex(bytes.next()));
                let value = high.unwrap_or(0) * 16 + low.unwrap_or(0);
                decoded.push(value as u8);
            }
            byte => decoded.push(byte),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
