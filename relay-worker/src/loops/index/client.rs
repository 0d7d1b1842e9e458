//! Elasticsearch over plain HTTP: a few requests, each with a deadline and a bound on its reply.

use super::bulk::{self, Verdict};
use super::schema::{ALIAS, FIRST_INDEX, definition};
use crate::clients::web::Web;
use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use contract::wire::event::OrderDocument;
use domain::Ms;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";

/// A client of Elasticsearch; clones share its connections.
#[derive(Clone)]
pub struct Index {
    base: String,
    web: Web,
}

impl Index {
    /// `base` as `http://host:port`, without a slash.
    pub fn at(base: &str) -> Index {
        Index {
            base: base.to_owned(),
            web: Web::default(),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/{path}", self.base))
            .header(http::header::CONTENT_TYPE, kind)
            .body(Full::new(Bytes::from(body)))?;
        let sent = self.web.send(request).await;
        sent.with_context(|| format!("Elasticsearch at {}", self.base))
    }

    async fn json(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = if body.is_null() {
            Vec::new()
        } else {
            serde_json::to_vec(body)?
        };
        let (status, reply) = self.send(method, path, JSON, body).await?;
        let reply: Value = serde_json::from_slice(&reply).unwrap_or_default();
        if !status.is_success() {
            let reason = &reply["error"]["reason"];
            bail!("Elasticsearch answered {status} to {path}: {reason}");
        }
        Ok(reply)
    }

    /// Creates the first index and its alias where there is none.
    ///
    /// # Errors
    /// When Elasticsearch is away or refuses.
    pub async fn ensure(&self) -> anyhow::Result<()> {
        let (status, _) = self.send(Method::HEAD, ALIAS, JSON, Vec::new()).await?;
        if status.is_success() {
            return Ok(());
        }
        let made = self.make(FIRST_INDEX, Some(ALIAS)).await;
        let (status, _) = self.send(Method::HEAD, ALIAS, JSON, Vec::new()).await?;
        // Another relay may have been faster.
        if status.is_success() { Ok(()) } else { made }
    }

    /// Creates an index; `alias` points to it from the start.
    ///
    /// # Errors
    /// When Elasticsearch is away or refuses, as where the index exists.
    pub async fn make(&self, index: &str, alias: Option<&str>) -> anyhow::Result<()> {
        self.json(Method::PUT, index, &definition(alias)).await?;
        Ok(())
    }

    /// Points the alias to `index` alone and deletes the indices that it pointed to.
    ///
    /// # Errors
    /// When Elasticsearch is away or refuses.
    pub async fn switch_to(&self, index: &str) -> anyhow::Result<()> {
        let before = self
            .json(Method::GET, &format!("{ALIAS}/_alias"), &Value::Null)
            .await;
        let mut actions = vec![json!({ "add": { "index": index, "alias": ALIAS } })];
        if let Ok(Value::Object(before)) = before {
            let old = before.keys().filter(|old| *old != index);
            actions.extend(old.map(|old| json!({ "remove_index": { "index": old } })));
        }
        self.json(Method::POST, "_aliases", &json!({ "actions": actions }))
            .await?;
        Ok(())
    }

    /// Sends documents to an index or alias; a verdict for each, in their order.
    ///
    /// # Errors
    /// When the request as a whole failed; nothing is known of the documents then.
    pub async fn bulk(
        &self,
        index: &str,
        documents: &[&OrderDocument],
    ) -> anyhow::Result<Vec<Verdict>> {
        let body = bulk::encode(documents)?;
        let path = format!("{index}/_bulk");
        let (status, reply) = self.send(Method::POST, &path, LINES, body).await?;
        ensure!(
            status.is_success(),
            "Elasticsearch answered {status} to a bulk request"
        );
        Ok(bulk::classify(documents, &reply))
    }

    /// The newest `updated_at` in the index; `None` where it is empty.
    ///
    /// # Errors
    /// When Elasticsearch is away or refuses.
    pub async fn newest_change(&self) -> anyhow::Result<Option<Ms>> {
        let query =
            json!({ "size": 0, "aggs": { "newest": { "max": { "field": "updated_at" } } } });
        let reply = self
            .json(Method::POST, &format!("{ALIAS}/_search"), &query)
            .await?;
        let newest = reply["aggregations"]["newest"]["value"].as_f64();
        Ok(newest.map(|ms| ms as Ms))
    }

    /// Versions of these documents, in their order; `None` where one is missing.
    ///
    /// # Errors
    /// When Elasticsearch is away, refuses, or leaves out documents.
    pub async fn versions(&self, ids: &[String]) -> anyhow::Result<Vec<Option<u64>>> {
        let path = format!("{ALIAS}/_mget?_source=false");
        let reply = self
            .json(Method::POST, &path, &json!({ "ids": ids }))
            .await?;
        let documents = reply["docs"]
            .as_array()
            .context("no documents in the answer")?;
        ensure!(documents.len() == ids.len(), "the answer misses documents");
        Ok(documents.iter().map(|d| d["_version"].as_u64()).collect())
    }

    /// Number of documents, including those written last.
    ///
    /// # Errors
    /// When Elasticsearch is away or refuses.
    pub async fn count(&self) -> anyhow::Result<u64> {
        self.json(Method::POST, &format!("{ALIAS}/_refresh"), &Value::Null)
            .await?;
        let reply = self
            .json(Method::GET, &format!("{ALIAS}/_count"), &Value::Null)
            .await?;
        reply["count"].as_u64().context("no count in the answer")
    }
}
