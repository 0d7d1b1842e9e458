//! Requests of web pages (CORS): which origins may read a reply, and which may change something. The pages are those of
//! the variable `cors_origins`; see docs/decisions/0017.

use super::{Call, Reply};
use crate::Fault;
use crate::host::http::Head;
use crate::host::variables;
use contract::api::route;
use domain::Rejection;
use http_rules::origin::{self, Origins};
use std::borrow::Cow;
use std::sync::OnceLock;

static ORIGINS: OnceLock<Origins> = OnceLock::new();
/// Where the variable cannot be read, no page may do anything.
static NONE: Origins = Origins::Listed(Vec::new());

/// The origins, read once per instance.
///
/// # Errors
/// Where the variable cannot be read, or lists what is no origin.
pub(crate) async fn origins() -> Result<&'static Origins, Fault> {
    if let Some(origins) = ORIGINS.get() {
        return Ok(origins);
    }
    let name = origin::VARIABLE;
    let text = match variables::get(name).await {
        Ok(text) => text,
        // As the manifest has it where nobody sets it.
        Err(variables::Error::Undefined(_) | variables::Error::InvalidName(_)) => "*".to_owned(),
        Err(_) => return Err(Fault::Internal(format!("variable {name} cannot be read"))),
    };
    let origins = Origins::parse(&text)
        .map_err(|reason| Fault::Internal(format!("variable {name}: {reason}")))?;
    Ok(ORIGINS.get_or_init(|| origins))
}

/// The origins, or none where the variable is wrong; [`crate::config::config`] reports that.
pub(crate) async fn origins_or_none() -> &'static Origins {
    origins().await.unwrap_or(&NONE)
}

/// Refuses an unsafe request of a page that is neither admitted nor the server's own. A browser asks before most of
/// them, but not before all.
pub(crate) fn admit(call: &Call, origins: &Origins) -> Result<(), Rejection> {
    if *origins == Origins::Any || matches!(call.method(), "GET" | "OPTIONS" | "TRACE") {
        return Ok(());
    }
    let Some(origin) = named(&call.head) else {
        return Ok(());
    };
    let authority = call.authority().unwrap_or_default();
    if origins.admits(&origin) || origin::is_own(&origin, &authority) {
        return Ok(());
    }
    Err(Rejection::ForeignOrigin)
}

/// Refuses a gRPC call of a page that is not admitted. `lines`: of its header `origin`.
///
/// # Errors
/// `ForeignOrigin`.
pub async fn admit_page(lines: Vec<Vec<u8>>) -> Result<(), Rejection> {
    let origins = origins_or_none().await;
    match one(lines) {
        Some(origin) if *origins != Origins::Any && !origins.admits(&origin) => {
            Err(Rejection::ForeignOrigin)
        }
        _ => Ok(()),
    }
}

/// The answer to `OPTIONS`: the methods of the path, and to a preflight what a page may send.
pub(crate) fn options(head: &Head, path: &str, origins: &Origins) -> Result<Reply, Rejection> {
    let methods = route::allow(path).ok_or(Rejection::NoRoute)?;
    let reply = Reply::empty(204);
    let asked = !head
        .header_lines("access-control-request-method")
        .is_empty();
    let origin = named(head).filter(|_| asked);
    let Some(origin) = origin else {
        return Ok(reply.with("allow", methods));
    };
    let reply = reply.with(
        "vary",
        "origin, access-control-request-method, access-control-request-headers",
    );
    Ok(match origins.allowed(Some(&origin)) {
        None => reply.with("allow", methods),
        Some(_) => reply
            .with("allow", methods.clone())
            .with("access-control-allow-methods", methods)
            .with("access-control-allow-headers", origin::ALLOWED_HEADERS)
            .with("access-control-max-age", origin::MAX_AGE_SECONDS),
    })
}

/// Adds what a browser needs to show the reply to the page that asked. Where every origin is admitted, all replies are
/// the same for all of them, and the request is not looked at.
pub(crate) fn show(mut reply: Reply, head: &Head, origins: &Origins) -> Reply {
    let origin = match origins.vary() {
        true => named(head),
        false => None,
    };
    if origins.vary() {
        reply = vary(reply, "origin");
    }
    let allowed: Cow<'static, str> = match origins.allowed(origin.as_deref()) {
        None => return reply,
        Some("*") => Cow::Borrowed("*"),
        Some(origin) => Cow::Owned(origin.to_owned()),
    };
    reply
        .with("access-control-allow-origin", allowed)
        .with("access-control-expose-headers", origin::EXPOSED_HEADERS)
}

/// Names a request header that the reply depends on.
fn vary(mut reply: Reply, name: &'static str) -> Reply {
    let line = reply
        .headers
        .iter_mut()
        .find(|(header, _)| *header == "vary");
    match line {
        Some((_, names)) if names.split(", ").any(|known| known == name) => reply,
        Some((_, names)) => {
            names.to_mut().push_str(", ");
            names.to_mut().push_str(name);
            reply
        }
        None => reply.with("vary", name),
    }
}

/// The origin of the page; empty, which no page has, where the header cannot be read. `None`: no page.
fn named(head: &Head) -> Option<String> {
    one(head.header_lines("origin"))
}

fn one(lines: Vec<Vec<u8>>) -> Option<String> {
    let mut lines = lines.into_iter();
    let first = lines.next()?;
    match lines.next() {
        Some(_) => Some(String::new()),
        None => Some(String::from_utf8(first).unwrap_or_default()),
    }
}
