//! One request: route, headers, permit, the component's answer or the host's own.

use super::Permit;
use super::body::{self, Outgoing};
use super::cached::Asking;
use super::connection::Client;
use crate::headers::{self, BadHost};
use crate::trace::TraceParent;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use std::time::Instant;
use wasmtime_wasi_http::handler::{ExpirationError, InstantiationError};

const WELL_KNOWN: &str = "/.well-known/spin/";

impl Client {
    /// The answer to `request`; never fails, since a failure is an answer too.
    pub async fn respond(&self, mut request: Request<Incoming>) -> Response<Outgoing> {
        let started = Instant::now();
        let shared = &self.worker.shared;
        if let Some(response) = self.stored(&request, started) {
            return response;
        }
        let uri = request.uri();
        if let Some(name) = uri.path().strip_prefix(WELL_KNOWN) {
            return match name {
                "health" => own(StatusCode::OK, "OK"),
                "info" => json(shared.info.clone()),
                _ => own(StatusCode::NOT_FOUND, ""),
            };
        }
        let absolute =
            match headers::absolute(uri, request.version(), request.headers(), &self.scheme) {
                Ok(absolute) => absolute,
                Err(reason) => return bad_request(&reason),
            };
        let Some(found) = shared.application.router.route(absolute.path()) else {
            return own(StatusCode::NOT_FOUND, "");
        };
        let component = found.route.component;
        let (Some(handler), Some(metrics)) = (
            self.worker.handlers.get(component),
            shared.components.get(component),
        ) else {
            return own(StatusCode::NOT_FOUND, "");
        };
        let trace = TraceParent::accept(request.headers().get("traceparent"));
        let response = if declared_length(request.headers())
            .is_some_and(|length| length > shared.up.max_body_bytes)
        {
            own(StatusCode::PAYLOAD_TOO_LARGE, "")
        } else if let Some(permit) = Permit::take(shared, |shared| &shared.requests) {
            headers::complete(
                request.headers_mut(),
                &absolute,
                &found,
                &shared.route_headers,
                &self.address,
                &trace,
            );
            let (mut parts, incoming) = request.into_parts();
            parts.uri = absolute.clone();
            let body = body::incoming(
                incoming,
                shared.up.max_body_bytes,
                shared.up.body_read_timeout,
            );
            let asking = Asking {
                handler,
                component,
                metrics,
                trace: &trace,
                permit,
            };
            self.ask(asking, Request::from_parts(parts, body)).await
        } else {
            busy()
        };
        metrics.answered(response.status(), started.elapsed());
        tracing::debug!(
            trace_id = trace.trace_id(),
            component = shared.application.guests[component].id,
            path = absolute.path(),
            status = response.status().as_u16(),
            duration_ms = started.elapsed().as_secs_f64() * 1e3,
            "answered"
        );
        response
    }
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// What the client is told when the component gave no answer. The reason is for the log alone.
pub fn failed(error: &wasmtime::Error, component: &str, trace: &TraceParent) -> Response<Outgoing> {
    let late = error.downcast_ref::<ExpirationError>().is_some();
    let full = error.downcast_ref::<InstantiationError<()>>().is_some();
    tracing::error!(
        trace_id = trace.trace_id(),
        component,
        error = format!("{error:#}"),
        "the component gave no answer"
    );
    match (late, full) {
        (true, _) => own(StatusCode::GATEWAY_TIMEOUT, ""),
        (_, true) => busy(),
        _ => own(StatusCode::INTERNAL_SERVER_ERROR, ""),
    }
}

fn busy() -> Response<Outgoing> {
    let mut response = own(StatusCode::SERVICE_UNAVAILABLE, "");
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn bad_request(reason: &BadHost) -> Response<Outgoing> {
    let mut response = own(StatusCode::BAD_REQUEST, "");
    *response.body_mut() = Outgoing::Own(Some(reason.to_string().into()));
    response
}

fn json(text: Bytes) -> Response<Outgoing> {
    let mut response = own(StatusCode::OK, "");
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *response.body_mut() = Outgoing::Own(Some(text));
    response
}

pub fn own(status: StatusCode, text: &'static str) -> Response<Outgoing> {
    let text = (!text.is_empty()).then(|| Bytes::from_static(text.as_bytes()));
    let mut response = Response::new(Outgoing::Own(text));
    *response.status_mut() = status;
    response
}
