//! Answers as files: what differs from run to run has a placeholder.

use anyhow::{Context, Result, bail};
use domain::OrderId;
use platform::client::Reply;
use serde_json::{Map, Value, json};
use stack::component;
use std::fs;
use std::path::Path;

/// Headers that belong to the answer.
const HEADERS: [&str; 10] = [
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-max-age",
    "allow",
    "cache-control",
    "content-type",
    "idempotent-replayed",
    "location",
    "retry-after",
];

/// Placeholders for values that differ from run to run, numbered in order of appearance: an order or time has the same
/// placeholder in all answers of a system.
#[derive(Default)]
pub struct Names {
    orders: Vec<OrderId>,
    times: Vec<Value>,
}

impl Names {
    /// `whole`: with the body.
    pub fn shown(&mut self, reply: &Reply, whole: bool) -> String {
        let body = match whole {
            true => self.masked("", &reply.body),
            false => json!("<not compared>"),
        };
        let headers: Map<String, Value> = HEADERS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), json!(reply.header(name)?))))
            .collect();
        let shown = json!({ "status": reply.status, "headers": headers, "body": body });
        let mut shown = format!("{shown:#}\n");
        for (at, order) in self.orders.iter().enumerate() {
            let at = at + 1;
            shown = shown
                .replace(&order.to_string(), &format!("<id:{at}>"))
                .replace(&order.order_no(), &format!("<number:{at}>"))
                .replace(&order.uuid(), &format!("<uuid:{at}>"));
        }
        shown
    }

    fn masked(&mut self, key: &str, value: &Value) -> Value {
        match (key, value) {
            ("trace_id", _) => json!("<trace id>"),
            ("latency_ms", _) => json!("<ms>"),
            // Units come back after a reply.
            ("stock", Value::Number(units)) if units.as_u64() != Some(0) => json!("<units>"),
            ("stock", Value::Object(products)) => products
                .iter()
                .map(|(product, units)| (product.clone(), self.masked("stock", units)))
                .collect::<Map<_, _>>()
                .into(),
            ("token", _) => json!("<token>"),
            ("expires_in", _) => json!("<seconds>"),
            (_, Value::Null) => Value::Null,
            ("created_at", time) => {
                json!(format!("<time:{}>", place(&mut self.times, time.clone())))
            }
            // Later steps may or may not fall into the same millisecond.
            (key, time) if key.ends_with("_at") => match self.times.contains(time) {
                true => self.masked("created_at", time),
                false => json!("<time>"),
            },
            ("id" | "order_id" | "order_no", Value::String(id)) if id.len() > 9 => {
                if let Some(order) = OrderId::parse(id) {
                    place(&mut self.orders, order);
                }
                value.clone()
            }
            (_, Value::Object(fields)) => fields
                .iter()
                .map(|(key, value)| (key.clone(), self.masked(key, value)))
                .collect::<Map<_, _>>()
                .into(),
            (_, Value::Array(entries)) => entries
                .iter()
                .map(|entry| self.masked("", entry))
                .collect::<Vec<_>>()
                .into(),
            (_, plain) => plain.clone(),
        }
    }
}

/// The position of `one` in `all`, from 1; appended if it is new.
fn place<T: PartialEq>(all: &mut Vec<T>, one: T) -> usize {
    let at = all.iter().position(|other| *other == one);
    at.unwrap_or_else(|| {
        all.push(one);
        all.len() - 1
    }) + 1
}

/// Compares; writes a file only where they differ, for a reviewer to accept.
pub fn compare(golden: &Path, shown: &str) -> Result<()> {
    let expected = fs::read_to_string(golden).unwrap_or_default();
    if shown == expected {
        return Ok(());
    }
    let root = component::checkout()?;
    let name = golden.strip_prefix(&root)?;
    let actual = component::target_dir()?.join("goldens").join(name);
    fs::create_dir_all(actual.parent().context("a folder")?)?;
    fs::write(&actual, shown)?;
    bail!(
        "the answer changed:\n{}once reviewed: cp {} {}",
        difference(&expected, shown),
        actual.display(),
        golden.display()
    )
}

/// The lines between the first and the last that differ.
fn difference(expected: &str, shown: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (expected.lines().collect(), shown.lines().collect());
    let alike = |(old, new): &(&&str, &&str)| old == new;
    let first = old.iter().zip(&new).take_while(alike).count();
    let rest = old[first..].iter().rev().zip(new[first..].iter().rev());
    let last = rest.take_while(alike).count();
    let lines = |sign: &str, lines: &[&str]| -> String {
        let changed = &lines[first..lines.len() - last];
        changed
            .iter()
            .map(|line| format!("{sign} {line}\n"))
            .collect()
    };
    lines("-", &old) + &lines("+", &new)
}
