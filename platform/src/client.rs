//! A plain HTTP client: one connection pool, JSON in and out; no status is an error.

use crate::openapi;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::time::Duration;
use ureq::Agent;
use ureq::http::{HeaderMap, Request};

/// Longer than any deadline of the platform.
const DEADLINE: Duration = Duration::from_secs(15);

/// A client of one address. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    base: String,
    /// Whether the server is a platform, whose replies must match the OpenAPI document.
    documented: bool,
}

/// A whole reply.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    /// Null where the body is no JSON.
    pub body: Value,
    pub text: String,
}

impl Reply {
    /// `code` of the body.
    ///
    /// # Panics
    /// Where there is none.
    pub fn code(&self) -> u64 {
        let code = self.body["code"].as_u64();
        code.unwrap_or_else(|| panic!("no code: {} {}", self.status, self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The text at a path such as `/order/status`.
    ///
    /// # Panics
    /// Where there is none: two replies without a text would compare as equal.
    pub fn text_at(&self, path: &str) -> &str {
        let text = self.body.pointer(path).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no text at {path}: {} {}", self.status, self.text))
    }

    /// The reply, where it has this status.
    ///
    /// # Errors
    /// Where it has another; with the whole reply.
    pub fn expect(self, status: u16) -> Result<Reply> {
        ensure!(
            self.status == status,
            "expected {status}, got {}: {}",
            self.status,
            self.text
        );
        Ok(self)
    }
}

impl Client {
    /// A client of `base`, such as `http://127.0.0.1:8081`.
    pub fn new(base: impl Into<String>) -> Client {
        Client::with_idle(base, 64)
    }

    /// A client of a platform: each reply is checked against the OpenAPI document.
    pub fn of_platform(base: impl Into<String>) -> Client {
        Client {
            documented: true,
            ..Client::new(base)
        }
    }

    /// A client with a new connection for each request.
    pub fn unkept(base: impl Into<String>) -> Client {
        Client::with_idle(base, 0)
    }

    fn with_idle(base: impl Into<String>, idle_max: usize) -> Client {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(DEADLINE))
            .max_idle_connections_per_host(idle_max)
            .max_idle_connections(idle_max)
            .build();
        Client {
            agent: config.into(),
            base: base.into(),
            documented: false,
        }
    }

    /// The address of the server, such as `http://127.0.0.1:8081`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// # Errors
    /// Where no whole reply came.
    pub fn get(&self, path: &str) -> Result<Reply> {
        self.send("GET", path, &[], "")
    }

    /// # Errors
    /// Where no whole reply came.
    pub fn post(&self, path: &str, body: &Value) -> Result<Reply> {
        self.post_with(path, &[], body)
    }

    /// # Errors
    /// Where no whole reply came.
    pub fn put(&self, path: &str, body: &Value) -> Result<Reply> {
        self.send("PUT", path, &[JSON], &body.to_string())
    }

    /// A POST with an idempotency key.
    ///
    /// # Errors
    /// Where no whole reply came.
    pub fn post_once(&self, path: &str, key: &str, body: &Value) -> Result<Reply> {
        self.post_with(path, &[("idempotency-key", key)], body)
    }

    /// A POST with an idempotency key that may take effect after the reply (`Prefer: respond-async`).
    ///
    /// # Errors
    /// Where no whole reply came.
    pub fn post_later(&self, path: &str, key: &str, body: &Value) -> Result<Reply> {
        let headers = [("idempotency-key", key), ("prefer", "respond-async")];
        self.post_with(path, &headers, body)
    }

    /// A POST with further headers.
    ///
    /// # Errors
    /// Where no whole reply came.
    pub fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Result<Reply> {
        let headers = [&[JSON], headers].concat();
        self.send("POST", path, &headers, &body.to_string())
    }

    /// Any request. What only the staff may ask for is asked in its role, as a gateway of the shop's would do it.
    ///
    /// # Errors
    /// Where no whole reply came.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Reply> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(role) = openapi::role(method, path) {
            request = request.header(ROLE, role);
        }
        let sent = || format!("{method} {path}");
        let mut response = if method == "GET" && body.is_empty() {
            self.agent.run(request.body(())?)
        } else {
            self.agent.run(request.body(body.to_owned())?)
        }
        .with_context(sent)?;
        let text = response.body_mut().read_to_string().with_context(sent)?;
        let reply = Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        };
        if self.documented {
            openapi::check(method, path, body, &reply);
        }
        Ok(reply)
    }
}

/// The header with the role of a caller in mode `compat`.
const ROLE: &str = "x-flashorder-role";
const JSON: (&str, &str) = ("content-type", "application/json");
