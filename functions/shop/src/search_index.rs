//! Elasticsearch through the host: searches of the index `orders`. A late or oversized answer is a fault, after which
//! callers fall back on the databases. A native program has no index.

use bytes::Bytes;
use futures::future::{Either, select};
use guest::Fault;
use http_body_util::Full;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::pin::pin;
use std::time::Duration;

/// The index has this long to answer.
const TIMEOUT: Duration = Duration::from_millis(1_000);

/// The fault of an index that does not answer as it should; `reason` is for the log.
pub fn away(reason: impl ToString) -> Fault {
    Fault::Unavailable {
        backend: "elasticsearch",
        reason: reason.to_string(),
    }
}

/// What the index answered to one search, or to two.
pub struct Answer(Vec<u8>);

impl Answer {
    /// The body as a value.
    ///
    /// # Errors
    /// Where it cannot be read as one.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Fault> {
        read(&self.0)
    }

    /// The bodies of two searches as values, in their order.
    ///
    /// # Errors
    /// Where one is missing or cannot be read.
    pub fn read_both<'a, A, B>(&'a self) -> Result<(A, B), Fault>
    where
        A: Deserialize<'a>,
        B: Deserialize<'a>,
    {
        let answers: Answers = self.read()?;
        match answers.responses[..] {
            [first, second] => Ok((
                read(first.get().as_bytes())?,
                read(second.get().as_bytes())?,
            )),
            _ => Err(away("did not answer both searches")),
        }
    }
}

/// Runs a search, whose answer has at most `bytes_max` bytes.
///
/// # Errors
/// Where the index is away or late, or its answer is longer or an error.
pub async fn search(url: &str, query: &Value, bytes_max: usize) -> Result<Answer, Fault> {
    let path = "_search?allow_partial_search_results=false";
    post(url, path, "application/json", query.to_string(), bytes_max).await
}

/// Runs two searches in one request, whose answer has at most `bytes_max` bytes.
///
/// # Errors
/// Where the index is away or late, or its answer is longer or an error.
pub async fn search_both(
    url: &str,
    first: &Value,
    second: &Value,
    bytes_max: usize,
) -> Result<Answer, Fault> {
    const HEAD: &str = r#"{"allow_partial_search_results":false}"#;
    let lines = format!("{HEAD}\n{first}\n{HEAD}\n{second}\n");
    post(url, "_msearch", "application/x-ndjson", lines, bytes_max).await
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

async fn post(
    url: &str,
    path: &str,
    kind: &str,
    body: String,
    bytes_max: usize,
) -> Result<Answer, Fault> {
    let url = format!("{}/orders/{path}", url.trim_end_matches('/'));
    let request = http::Request::post(url)
        .header("content-type", kind)
        .body(Full::new(Bytes::from(body)))
        .map_err(|_| Fault::Internal("variable elasticsearch_url is not acceptable".to_owned()))?;
    let answered = pin!(send(request, bytes_max));
    match select(answered, pin!(guest::clock::sleep(TIMEOUT))).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(away("no answer in time")),
    }
}

async fn send(request: http::Request<Full<Bytes>>, bytes_max: usize) -> Result<Answer, Fault> {
    let (status, answer) = guest::http::send(request, bytes_max).await.map_err(away)?;
    match status.is_success() {
        true => Ok(Answer(answer)),
        false => Err(away(format!("answered {status}"))),
    }
}
