//! One request: route, headers, permit, the component's answer or the host's own.

use super::Permit;
use super::body::{self, Contents, Outgoing};
use super::cached::Asking;
use super::connection::Client;
use super::problem;
use crate::admission::NoRoom;
use crate::headers;
use crate::limits;
use crate::router::RouteMatch;
use crate::trace::TraceParent;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Instant;
use wasmtime_wasi_http::handler::ExpirationError;

/// Prefix of the paths that the host answers itself.
const WELL_KNOWN: &str = "/.well-known/spin/";

impl Client {
    /// The answer to `request`; never fails, since a failure is an answer too.
    pub async fn respond(&self, request: Request<Incoming>) -> Response<Outgoing> {
        let started = Instant::now();
        let open = self.account.begin(started);
        let headless = request.version() == Version::HTTP_2 && request.method() == Method::HEAD;
        let response = self.answer(request, started).await;
        let response = response.map(|contents| Outgoing::new(contents, open));
        match headless {
            true => body::headless(response),
            false => response,
        }
    }

    /// The permit of a request, when it has its turn on its connection.
    async fn permit(&self, version: Version, component: usize) -> Option<Permit> {
        let turn = match version {
            Version::HTTP_2 => Box::pin(self.account.turn()).await,
            // One request at a time.
            _ => None,
        };
        // A client that does not take its replies gets no more of them.
        if !self.account.has_room() {
            Box::pin(self.account.room()).await;
        }
        Permit::take(&self.worker.shared, component, turn)
    }

    async fn answer(&self, request: Request<Incoming>, started: Instant) -> Response<Contents> {
        let shared = &self.worker.shared;
        if let Some(response) = self.stored(&request, started) {
            return response;
        }
        let uri = request.uri();
        if let Some(name) = uri.path().strip_prefix(WELL_KNOWN) {
            return match name {
                "health" => own(StatusCode::OK, Bytes::from_static(b"OK")),
                "info" => json(shared.info.clone()),
                _ => unknown(request.headers()),
            };
        }
        let trace = TraceParent::accept(request.headers().get("traceparent"));
        let refuse = |status, reason: &str| problem::reply(status, reason, trace.trace_id());
        if uri.path_and_query().map_or(0, |p| p.as_str().len()) > limits::TARGET_BYTES_MAX {
            let reason = format!(
                "the request target is longer than {} bytes",
                limits::TARGET_BYTES_MAX
            );
            return problem::last(StatusCode::URI_TOO_LONG, &reason, trace.trace_id());
        }
        let headers = request.headers();
        let absolute = match headers::absolute(uri, request.version(), headers, &self.scheme) {
            Ok(absolute) => absolute,
            Err(reason) => return refuse(StatusCode::BAD_REQUEST, &reason.to_string()),
        };
        let Some(found) = shared.application.router.route(absolute.path()) else {
            return refuse(StatusCode::NOT_FOUND, "nothing is served under this path");
        };
        let component = found.route.component;
        let (Some(handler), Some(metrics)) = (
            self.worker.handlers.get(component),
            shared.components.get(component),
        ) else {
            return refuse(StatusCode::NOT_FOUND, "nothing is served under this path");
        };
        let bytes_max = shared.up.max_body_bytes;
        let response = if declared_length(headers).is_some_and(|length| length > bytes_max) {
            too_large(bytes_max, &trace)
        } else if let Some(permit) = self.permit(request.version(), component).await {
            let asking = Asking {
                handler,
                component,
                metrics,
                trace: &trace,
                permit: Arc::new(permit),
            };
            self.hand_over(request, &absolute, &found, asking).await
        } else {
            refuse(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many requests at a time",
            )
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

    /// Completes a request with the host's headers, and asks its component.
    async fn hand_over(
        &self,
        mut request: Request<Incoming>,
        absolute: &Uri,
        found: &RouteMatch<'_, '_>,
        asking: Asking<'_>,
    ) -> Response<Contents> {
        let shared = &self.worker.shared;
        headers::complete(
            request.headers_mut(),
            absolute,
            found,
            &shared.route_headers,
            &self.address,
            asking.trace,
        );
        let (mut parts, incoming) = request.into_parts();
        parts.uri = absolute.clone();
        let (bytes_max, pause_max) = (shared.up.max_body_bytes, shared.up.body_read_timeout);
        let (body, exceeded) = body::incoming(incoming, bytes_max, pause_max);
        let trace = asking.trace;
        let response = self.ask(asking, Request::from_parts(parts, body)).await;
        match exceeded.is_exceeded() && response.status().is_server_error() {
            true => too_large(bytes_max, trace),
            false => response,
        }
    }
}

fn too_large(bytes_max: u64, trace: &TraceParent) -> Response<Contents> {
    let reason = format!("the body is larger than {bytes_max} bytes");
    problem::last(StatusCode::PAYLOAD_TOO_LARGE, &reason, trace.trace_id())
}

fn unknown(headers: &HeaderMap) -> Response<Contents> {
    let trace = TraceParent::accept(headers.get("traceparent"));
    let reason = "nothing is served under this path";
    problem::reply(StatusCode::NOT_FOUND, reason, trace.trace_id())
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The answer where the component gave none. The reason is only logged.
pub fn failed(error: &wasmtime::Error, component: &str, trace: &TraceParent) -> Response<Contents> {
    let late = error.downcast_ref::<ExpirationError>().is_some();
    let full = error.is::<NoRoom>();
    tracing::error!(
        trace_id = trace.trace_id(),
        component,
        error = format!("{error:#}"),
        "the component gave no answer"
    );
    let (status, reason) = match (late, full) {
        (true, _) => (StatusCode::GATEWAY_TIMEOUT, "the answer took too long"),
        (_, true) => (StatusCode::SERVICE_UNAVAILABLE, "too busy to begin"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
    };
    problem::reply(status, reason, trace.trace_id())
}

fn json(text: Bytes) -> Response<Contents> {
    let mut response = own(StatusCode::OK, text);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A reply of the host that is no refusal.
pub fn own(status: StatusCode, text: Bytes) -> Response<Contents> {
    let mut response = Response::new(Contents::Whole(text));
    *response.status_mut() = status;
    response
}
