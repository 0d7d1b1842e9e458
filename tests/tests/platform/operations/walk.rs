//! Calls operations of the OpenAPI document by their ids.

use anyhow::{Context, Result, bail, ensure};
use platform::Platform;
use platform::client::Reply;
use platform::openapi::operations;
use platform::shop::{key, order_body};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Requests until a reply that other tests change too is the same twice.
const REVALIDATIONS_MAX: u32 = 50;

/// Calls operations by their ids.
pub struct Walk<'a> {
    pub platform: &'a Platform,
    /// Operations, with the statuses that they were answered with.
    pub called: BTreeSet<(&'static str, u16)>,
    pub user: u64,
    pub product: u64,
    /// Contained in this product's name alone.
    pub word: String,
}

impl Walk<'_> {
    /// `values` replace the parameters in the path, in order.
    pub fn call(&mut self, id: &str, values: &[&str], query: &str, body: &Value) -> Result<Reply> {
        self.call_with(id, values, query, &[], body)
    }

    pub fn call_with(
        &mut self,
        id: &str,
        values: &[&str],
        query: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Result<Reply> {
        let named = operations().iter().find(|operation| operation.id == id);
        let operation = named.with_context(|| format!("no operation {id}"))?;
        let mut values = values.iter();
        let segments = operation.path.split('/').map(|segment| {
            let parameter = segment.starts_with('{');
            if parameter {
                *values.next().expect("a value")
            } else {
                segment
            }
        });
        let path = segments.collect::<Vec<_>>().join("/") + query;
        let json = [("content-type", "application/json")];
        let (json, body) = match body {
            Value::Null => (&json[..0], String::new()),
            body => (&json[..], body.to_string()),
        };
        let api = &self.platform.api;
        let headers = [json, headers].concat();
        let reply = api.send(&operation.method, &path, &headers, &body)?;
        ensure!(
            reply.status / 100 == 2 || reply.status == 304,
            "{id}: {} {}",
            reply.status,
            reply.text
        );
        if operation.method == "GET" {
            let head = api
                .send("HEAD", &path, &headers, "")?
                .expect(reply.status)?;
            ensure!(head.text.is_empty(), "HEAD {path} has a body");
        }
        self.called.insert((&operation.id, reply.status));
        Ok(reply)
    }

    /// Where the reply has a tag, asks once more with it.
    pub fn get(&mut self, id: &str, values: &[&str], query: &str) -> Result<Reply> {
        // Others change what is listed; a reply that stays the same is soon seen twice.
        for _ in 0..REVALIDATIONS_MAX {
            let reply = self.call(id, values, query, &Value::Null)?;
            let Some(tag) = reply.header("etag") else {
                return Ok(reply);
            };
            let known = [("if-none-match", tag)];
            let again = self.call_with(id, values, query, &known, &Value::Null)?;
            if again.status == 304 {
                return Ok(reply);
            }
        }
        bail!("{id}{query}: never the same twice")
    }

    /// Places an order that may be written later; its id.
    pub fn place_later(&mut self, create: &str, at: &str) -> Result<String> {
        let body = order_body(self.user, self.product, 1);
        let (key, later) = (key(), ("prefer", "respond-async"));
        let headers = [("idempotency-key", &*key), later];
        let reply = self.call_with(create, &[], "", &headers, &body)?;
        assert_eq!(reply.status, 202, "{create}: {}", reply.text);
        Ok(reply.text_at(at).to_owned())
    }

    /// Places an order of one unit with the create operation of any dialect; its id.
    pub fn place(&mut self, create: &str, at: &str) -> Result<String> {
        let mut body = order_body(self.user, self.product, 1);
        body["idempotency_key"] = json!(key());
        let reply = self.call(create, &[], "", &body)?;
        Ok(reply.text_at(at).to_owned())
    }

    /// Checks that a list by user shows exactly these orders, newest first.
    pub fn lists(
        &mut self,
        id: &str,
        values: &[&str],
        query: &str,
        at: &str,
        ids: &[&str],
    ) -> Result<()> {
        let reply = self.get(id, values, query)?;
        let list = reply.body.pointer(at).context("a list")?;
        let shown = list["orders"].as_array().context("orders")?;
        let shown: Vec<&str> = shown
            .iter()
            .filter_map(|order| order["id"].as_str())
            .collect();
        ensure!(shown == ids, "{id}{query}: {shown:?}, not {ids:?}");
        ensure!(list["total"] == ids.len(), "{id}{query}: {}", reply.text);
        Ok(())
    }
}
