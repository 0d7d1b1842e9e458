//! What a function answers: built whole, so that its length is known.

use super::Call;
use crate::{Caller, Fault};
use contract::api::problem::Problem;
use contract::wire::cache::{self, FRESH_SECONDS};
use domain::{OrderId, Role, UserId};
use http_rules::error::{Failure, Form};
use http_rules::grpc;
use serde::Serialize;
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hasher};

/// Statuses without content, and without the headers that describe it.
const WITHOUT_CONTENT: [u16; 2] = [204, NOT_MODIFIED];
/// Revalidated.
const NOT_MODIFIED: u16 = 304;
/// What a reply is, unless it is an error in another form.
const JSON: &str = Form::House.content_type();

/// A whole reply.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case; [`head`](Self::head) adds `content-type` and `content-length`.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// JSON or a file; empty with status 204 and 304.
    pub body: Vec<u8>,
    content_type: &'static str,
    /// What follows the body.
    trailers: Vec<(&'static str, Cow<'static, str>)>,
}

impl Reply {
    /// A body that is JSON already.
    pub fn json(status: u16, body: Vec<u8>) -> Reply {
        Reply {
            status,
            headers: Vec::new(),
            body,
            content_type: JSON,
            trailers: Vec::new(),
        }
    }

    /// A file that is no JSON, or JSON of another standard.
    pub fn file(content_type: &'static str, body: Vec<u8>) -> Reply {
        Reply {
            content_type,
            ..Reply::json(200, body)
        }
    }

    /// A reply without content.
    pub(crate) fn empty(status: u16) -> Reply {
        Reply::json(status, Vec::new())
    }

    /// A value as JSON.
    ///
    /// # Errors
    /// Where it cannot be written as JSON.
    pub fn of(status: u16, value: &impl Serialize) -> Result<Reply, Fault> {
        let body = serde_json::to_vec(value)
            .map_err(|error| Fault::Internal(format!("reply: {error}")))?;
        Ok(Reply::json(status, body))
    }

    /// A list as JSON with status 200; `bytes` is the most that it may take.
    ///
    /// # Errors
    /// Where it cannot be written as JSON.
    pub fn list(list: &impl Serialize, bytes: usize) -> Result<Reply, Fault> {
        let mut body = Vec::with_capacity(bytes);
        serde_json::to_writer(&mut body, list)
            .map_err(|error| Fault::Internal(format!("reply: {error}")))?;
        Ok(Reply::json(200, body))
    }

    /// Adds a header.
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }

    /// Lets the host's cache serve this reply for [`FRESH_SECONDS`] or until one of its `groups` is invalidated.
    /// Clients and other caches must revalidate it.
    pub fn fresh<'a>(self, call: &Call, groups: impl IntoIterator<Item = &'a str>) -> Reply {
        let reply = self.checked(call);
        let (directive, vary) = match &call.caller {
            // The same for everybody, also for those who send a token.
            Caller::Anyone => ("public, ", None),
            // One token's replies are for that token.
            Caller::Known { .. } => ("public, ", Some("authorization")),
            // No two requests share a signature, and whoever sends one again is to be refused.
            Caller::Machine { .. } => return reply,
            Caller::Trusted { role: Role::User } => ("", None),
            // It depends on a header that no cache looks at.
            Caller::Trusted { .. } => return reply,
        };
        let reply = reply
            .with(
                "host-cache-control",
                format!("{directive}max-age={FRESH_SECONDS}"),
            )
            .with("cache-groups", list(groups));
        match vary {
            Some(name) => reply.with("vary", name),
            None => reply,
        }
    }

    /// Adds an `etag` and makes every cache revalidate the reply. Becomes 304 where `if-none-match` names the tag.
    pub fn checked(self, call: &Call) -> Reply {
        let tag = self.tag();
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

    /// The entity tag of the body.
    fn tag(&self) -> String {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.body);
        format!("\"{:016x}\"", hasher.finish())
    }

    /// Whether an `if-match` of the call, which has one, names this reply, as [`checked`](Self::checked) tags it. Tags
    /// are compared strongly, and a header that cannot be read names nothing.
    pub fn is_wanted(&self, call: &Call) -> bool {
        let tag = self.tag();
        let lines = call.header_all("if-match");
        let mut tags = lines.iter().flat_map(|line| line.split(',')).map(str::trim);
        tags.any(|wanted| wanted == "*" || wanted == tag)
    }

    /// Invalidates cached replies in these groups.
    pub fn stale<'a>(self, groups: impl IntoIterator<Item = &'a str>) -> Reply {
        let (name, value) = stale(groups);
        self.with(name, value)
    }

    /// Invalidates cached replies that show this order or may list it.
    pub fn stale_order(self, id: OrderId, owner: UserId) -> Reply {
        let groups = cache::of_order(id, owner);
        self.stale(groups.iter().map(String::as_str))
    }

    /// The error reply of a problem, with `retry-after` in seconds where it has one. `path`: of the request.
    pub(crate) fn problem(problem: &Problem, form: Form, trace_id: &str, path: &str) -> Reply {
        let failure = Failure {
            status: problem.status,
            code: problem.code.number(),
            message: &problem.message,
            trace_id,
            path,
        };
        let reply = Reply {
            content_type: form.content_type(),
            ..Reply::json(problem.status, failure.body(form))
        };
        match problem.retry_after_ms {
            Some(ms) => reply.with("retry-after", ms.div_ceil(1_000).to_string()),
            None => reply,
        }
    }

    /// The refusal of a gRPC call that was sent to a path of something else, where no gRPC client reads a body.
    pub(crate) fn call_refused(problem: &Problem) -> Reply {
        let number = problem.code.number();
        let message = format!("[{number}] {}", problem.message);
        Reply {
            content_type: grpc::CONTENT_TYPE,
            trailers: vec![
                (
                    "grpc-status",
                    grpc::status_of(problem.status).to_string().into(),
                ),
                ("grpc-message", grpc::message(&message).into()),
                (grpc::ERROR_CODE, number.to_string().into()),
            ],
            ..Reply::json(200, Vec::new())
        }
    }

    /// Takes the trailers of the response out, each as `entry` makes it.
    pub fn trailers<T>(&mut self, entry: impl Fn(&'static str, Cow<'static, str>) -> T) -> Vec<T> {
        let trailers = self.trailers.drain(..);
        trailers.map(|(name, value)| entry(name, value)).collect()
    }

    /// Takes all headers of the response out, each as `entry` makes it.
    pub fn head<T>(&mut self, entry: impl Fn(&'static str, Cow<'static, str>) -> T) -> Vec<T> {
        let mut head = Vec::with_capacity(2 + self.headers.len());
        if !WITHOUT_CONTENT.contains(&self.status) {
            head.push(entry("content-type", Cow::Borrowed(self.content_type)));
            // The body is a stream to the host: with its length it need not be sent in chunks. Before trailers, it
            // must be.
            if self.trailers.is_empty() {
                let length = self.body.len().to_string();
                head.push(entry("content-length", Cow::Owned(length)));
            }
        }
        for (name, value) in self.headers.drain(..) {
            head.push(entry(name, value));
        }
        head
    }
}

/// Whether an `if-none-match` names our tag, which has no comma in it, or is `*`.
fn names(known: &str, tag: &str) -> bool {
    let mut tags = known.split(',').map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// The header that invalidates cached replies in these groups.
pub fn stale<'a>(groups: impl IntoIterator<Item = &'a str>) -> (&'static str, String) {
    ("cache-group-invalidation", list(groups))
}

/// Groups as a structured list (RFC 9651); our names need no escaping.
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
