//! Signatures of machines that the tests invent.

use crate::tokens::seconds;
use anyhow::{Context, Result};
use auth::keys::Key;
use auth::signature::{self, Signed};
use http::Request;
use platform::Platform;
use std::sync::atomic::{AtomicU64, Ordering};

/// A nonce that no other signature of this process has.
pub fn nonce() -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    format!("test-{}-{number:012}", std::process::id())
}

/// The header `authorization` of a request, signed by a key (`NAME:KEY` or `NAME:ROLE:KEY`). The path has its canonical
/// spelling.
///
/// # Errors
/// Where the key or the nonce is none.
pub fn header(key: &str, request: &Request<Vec<u8>>, time: u64, nonce: &str) -> Result<String> {
    let signed = Signed {
        method: match request.method().as_str() {
            "HEAD" => "GET",
            method => method,
        },
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        body: request.body(),
    };
    Ok(signature::sign(
        &Key::of_machine(key)?,
        &signed,
        time,
        nonce,
    )?)
}

/// The header of a request that is made now. `target`: its path and query.
///
/// # Errors
/// Where the key is none, or the target.
pub fn now(key: &str, method: &str, target: &str, body: &str) -> Result<String> {
    let request = Request::builder().method(method).uri(target);
    header(
        key,
        &request.body(body.as_bytes().to_vec())?,
        seconds(),
        &nonce(),
    )
}

/// The key of a platform's payment provider.
///
/// # Errors
/// Where it has none.
pub fn provider(platform: &Platform) -> Result<&str> {
    let mut variables = platform.environment().iter();
    let keys = variables.find(|(name, _)| *name == "MACHINE_KEYS");
    keys.map(|(_, keys)| keys.as_str()).context("no machine")
}
