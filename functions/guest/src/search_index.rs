//! Elasticsearch through the host: searches of the orders' index, each answered whole and in time, or not at all.
//! Whoever asks has the databases to fall back on. A native program has no index.

use crate::Fault;
use bytes::Bytes;
use futures::future::{Either, select};
use http_body_util::Full;
#[cfg(target_family = "wasm")]
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use std::pin::pin;
use std::time::Duration;

/// The index has this long before the databases are asked.
const TIMEOUT: Duration = Duration::from_millis(1_000);
/// A page of orders with 100 items each fits well.
#[cfg(target_family = "wasm")]
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

pub fn away(reason: impl ToString) -> Fault {
    Fault::Unavailable {
        backend: "elasticsearch",
        reason: reason.to_string(),
    }
}

/// One search.
///
/// # Errors
/// Where the answer is late, incomplete or not what was asked for.
pub async fn search<T: DeserializeOwned>(url: &str, query: &Value) -> Result<T, Fault> {
    let path = "_search?allow_partial_search_results=false";
    read(&post(url, path, "application/json", query.to_string()).await?)
}

/// Two searches in one request.
///
/// # Errors
/// As for one, for either.
pub async fn search_both<A, B>(url: &str, first: &Value, second: &Value) -> Result<(A, B), Fault>
where
    A: DeserializeOwned,
    B: DeserializeOwned,
{
    const HEAD: &str = r#"{"allow_partial_search_results":false}"#;
    let lines = format!("{HEAD}\n{first}\n{HEAD}\n{second}\n");
    let body = post(url, "_msearch", "application/x-ndjson", lines).await?;
    let answers: Answers = read(&body)?;
    match answers.responses[..] {
        [first, second] => Ok((
            read(first.get().as_bytes())?,
            read(second.get().as_bytes())?,
        )),
        _ => Err(away("did not answer both searches")),
    }
}

#[derive(Deserialize)]
struct Answers<'a> {
    #[serde(borrow)]
    responses: Vec<&'a RawValue>,
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Fault> {
    serde_json::from_slice(body)
        .map_err(|error| away(format!("answered what cannot be read: {error}")))
}

async fn post(url: &str, path: &str, kind: &str, body: String) -> Result<Bytes, Fault> {
    let url = format!("{}/orders/{path}", url.trim_end_matches('/'));
    let request = http::Request::post(url)
        .header("content-type", kind)
        .body(Full::new(Bytes::from(body)))
        .map_err(|_| Fault::Internal("variable elasticsearch_url is not acceptable".to_owned()))?;
    let answered = pin!(send(request));
    match select(answered, pin!(crate::clock::sleep(TIMEOUT))).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(away("no answer in time")),
    }
}

#[cfg(target_family = "wasm")]
async fn send(request: http::Request<Full<Bytes>>) -> Result<Bytes, Fault> {
    let response = spin_sdk::http::send(request).await.map_err(away)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
    let body = body.collect().await.map_err(away)?.to_bytes();
    if !status.is_success() {
        return Err(away(format!("answered {status}")));
    }
    Ok(body)
}

#[cfg(not(target_family = "wasm"))]
async fn send(_: http::Request<Full<Bytes>>) -> Result<Bytes, Fault> {
    Err(away("a native program has no way to it"))
}
