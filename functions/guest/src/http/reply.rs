//! What a function answers: built whole, so that its length can be told.

use super::{Call, NOT_MODIFIED};
use crate::Fault;
use contract::api::problem::Problem;
use contract::wire::cache::{self, FRESH_SECONDS};
use domain::{OrderId, UserId};
use serde::Serialize;
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hasher};

/// A whole reply.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(status: u16, body: Vec<u8>) -> Reply {
        Reply {
            status,
            headers: Vec::new(),
            body,
        }
    }

    /// A value as JSON.
    pub fn of(status: u16, value: &impl Serialize) -> Result<Reply, Fault> {
        let body = serde_json::to_vec(value)
            .map_err(|error| Fault::Internal(format!("reply: {error}")))?;
        Ok(Reply::json(status, body))
    }

    /// A list as JSON, of at most so many bytes.
    pub fn list(list: &impl Serialize, bytes: usize) -> Result<Reply, Fault> {
        let mut body = Vec::with_capacity(bytes);
        serde_json::to_writer(&mut body, list)
            .map_err(|error| Fault::Internal(format!("reply: {error}")))?;
        Ok(Reply::json(200, body))
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }

    /// May be sent again for a moment, until one of its `groups` changes: by the host that runs this component, while
    /// everybody behind it asks whether there is news.
    pub fn fresh<'a>(self, call: &Call, groups: impl IntoIterator<Item = &'a str>) -> Reply {
        self.checked(call)
            .with("host-cache-control", format!("max-age={FRESH_SECONDS}"))
            .with("cache-groups", list(groups))
    }

    /// Is only shown again after it was asked for again. A caller that has it already is answered so.
    pub fn checked(self, call: &Call) -> Reply {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.body);
        let tag = format!("\"{:016x}\"", hasher.finish());
        let known = call
            .header("if-none-match")
            .is_some_and(|known| names(&known, &tag));
        let reply = if known {
            Reply {
                status: NOT_MODIFIED,
                body: Vec::new(),
                ..self
            }
        } else {
            self
        };
        reply.with("etag", tag).with("cache-control", "no-cache")
    }

    /// Replies in these groups are stale from now on.
    pub fn stale<'a>(self, groups: impl IntoIterator<Item = &'a str>) -> Reply {
        self.with("cache-group-invalidation", list(groups))
    }

    /// An order has changed, or is there.
    pub fn stale_order(self, id: OrderId, owner: UserId) -> Reply {
        let groups = cache::of_order(id, owner);
        self.stale(groups.iter().map(String::as_str))
    }

    /// The error body of a problem.
    pub fn problem(problem: &Problem, trace_id: &str) -> Reply {
        let body = serde_json::to_vec(&problem.body(trace_id)).unwrap_or_default();
        let reply = Reply::json(problem.status, body);
        match problem.retry_after_ms {
            Some(ms) => reply.with("retry-after", ms.div_ceil(1_000).to_string()),
            None => reply,
        }
    }

    /// All headers of the response, taken out, each as `entry` makes it.
    pub fn head<T>(&mut self, entry: impl Fn(&'static str, Cow<'static, str>) -> T) -> Vec<T> {
        let mut head = Vec::with_capacity(2 + self.headers.len());
        if self.status != NOT_MODIFIED {
            head.push(entry("content-type", Cow::Borrowed("application/json")));
            // The body is a stream to the host: told its length, it need not be sent in chunks.
            head.push(entry(
                "content-length",
                Cow::Owned(self.body.len().to_string()),
            ));
        }
        for (name, value) in self.headers.drain(..) {
            head.push(entry(name, Cow::Owned(value)));
        }
        head
    }
}

/// Whether an If-None-Match names our tag, which has no comma in it, or anything.
fn names(known: &str, tag: &str) -> bool {
    let mut tags = known.split(',').map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// Groups as a structured list; ours have nothing to be escaped.
fn list<'a>(groups: impl IntoIterator<Item = &'a str>) -> String {
    let mut list = String::new();
    for group in groups {
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push('"');
        list.push_str(group);
        list.push('"');
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_tags() {
        assert_eq!(list(["order-1", "orders"]), "\"order-1\", \"orders\"");
        let tag = "\"00000000000000ab\"";
        for known in [
            tag,
            "*",
            "W/\"00000000000000ab\"",
            "\"x\", \"00000000000000ab\"",
        ] {
            assert!(names(known, tag), "{known}");
        }
        for other in ["", "\"x\"", "00000000000000ab"] {
            assert!(!names(other, tag), "{other}");
        }
    }
}
