//! What a function answers: built whole, so that its length can be told.

use crate::Fault;
use contract::problem::Problem;
use serde::Serialize;
use std::borrow::Cow;

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

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Reply {
        self.headers.push((name, value.into()));
        self
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
        head.push(entry("content-type", Cow::Borrowed("application/json")));
        // The body is a stream to the host: told its length, it need not be sent in chunks.
        head.push(entry(
            "content-length",
            Cow::Owned(self.body.len().to_string()),
        ));
        for (name, value) in self.headers.drain(..) {
            head.push(entry(name, Cow::Owned(value)));
        }
        head
    }
}
