//! One request: route, headers, permit, the component's answer or the host's own.

use super::Permit;
use super::ahead;
use super::answers::{self, Asker, NOTHING_HERE, TOO_MANY};
use super::body::{self, Contents, Cut, Fate, Outgoing};
use super::breaker::Guard;
use super::cached::Asking;
use super::call::{Call, TOO_LATE};
use super::connection::Client;
use super::received::Received;
use crate::config::Span;
use crate::headers;
use crate::limits;
use crate::router::RouteMatch;
use crate::target;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT, ORIGIN, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{timeout, timeout_at};
use wasmtime_wasi_http::WasiBody;

/// Prefix of the paths that the host answers itself.
const WELL_KNOWN: &str = "/.well-known/spin/";

impl Client {
    /// The answer to `request`; never fails, since a failure is an answer too.
    pub async fn respond(&self, request: Request<Incoming>) -> Response<Outgoing> {
        let started = Instant::now();
        let open = self.account.begin(started);
        let is_h2 = request.version() == Version::HTTP_2;
        let headless = is_h2 && request.method() == Method::HEAD;
        let body_bytes_max = self.worker.shared.up.max_body_bytes;
        let discarded_max = match is_h2 {
            true => body_bytes_max.saturating_mul(limits::LINGER_BODIES_MAX),
            false => 0,
        };
        let request = request.map(|body| Received::new(body, discarded_max));
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

    async fn answer(&self, request: Request<Received>, started: Instant) -> Response<Contents> {
        let shared = &self.worker.shared;
        let is_ambiguous = request.version() < Version::HTTP_2 && self.account.take_ambiguous();
        if let Some(response) = self.stored(&request, started) {
            return response;
        }
        let asker = Asker::of(&shared.application, &request);
        if let Some(answer) = without_target(&request, is_ambiguous, &asker) {
            return answer;
        }
        let (uri, version, headers) = (request.uri(), request.version(), request.headers());
        let absolute = match target::absolute(uri, version, headers, &self.scheme) {
            Ok(absolute) => absolute,
            Err(bad) => return asker.refuse(bad.status(), &bad.to_string()),
        };
        if let Some(name) = absolute.path().strip_prefix(WELL_KNOWN) {
            return self.well_known(name, request.method(), &asker);
        }
        let found = shared.application.router.route(absolute.path());
        let Some(found) = found else {
            return asker.refuse(StatusCode::NOT_FOUND, NOTHING_HERE);
        };
        let component = found.route.component;
        let (Some(handler), Some(metrics)) = (
            self.worker.handlers.get(component),
            shared.components.get(component),
        ) else {
            return asker.refuse(StatusCode::NOT_FOUND, NOTHING_HERE);
        };
        let bytes_max = shared.up.max_body_bytes;
        let call = Call::of(headers, started.into(), self.request_timeout());
        let response = if let Err(limit) = shared.rates.take(found.route, started) {
            asker.limited(&limit)
        } else if declared_length(headers).is_some_and(|length| length > bytes_max) {
            asker.too_large(bytes_max)
        } else if let Some(permit) = self.permit(version, component).await {
            let asking = Asking {
                handler,
                component,
                metrics,
                asker: &asker,
                permit: Arc::new(permit),
                guard: None,
            };
            self.in_time(
                call.as_ref(),
                self.hand_over(request, &absolute, &found, asking),
                &asker,
            )
            .await
        } else {
            asker.refuse(StatusCode::SERVICE_UNAVAILABLE, TOO_MANY)
        };
        let response = match call {
            Some(call) => call.watched(response, &metrics.calls),
            None => response,
        };
        metrics.answered(response.status(), started.elapsed());
        tracing::debug!(
            trace_id = asker.trace().trace_id(),
            component = shared.application.guests[component].id,
            path = absolute.path(),
            status = response.status().as_u16(),
            duration_ms = started.elapsed().as_secs_f64() * 1e3,
            "answered"
        );
        response
    }

    /// How long a request may take.
    pub(super) fn request_timeout(&self) -> Duration {
        let limit = self.worker.shared.up.request_timeout;
        limit.map_or(limits::REQUEST_TIMEOUT, Span::<Duration>::draw)
    }

    /// The answer, or its refusal once the deadline of the call has passed.
    async fn in_time(
        &self,
        call: Option<&Call>,
        answering: impl Future<Output = Response<Contents>>,
        asker: &Asker<'_>,
    ) -> Response<Contents> {
        let Some(call) = call else {
            return answering.await;
        };
        let answered = timeout_at(call.deadline(), answering).await;
        answered.unwrap_or_else(|_| asker.refuse(StatusCode::GATEWAY_TIMEOUT, TOO_LATE))
    }

    /// A path that the host answers itself.
    fn well_known(&self, name: &str, method: &Method, asker: &Asker<'_>) -> Response<Contents> {
        let reads = matches!(*method, Method::GET | Method::HEAD);
        match name {
            "health" | "info" if !reads => asker.wrong_method(),
            "health" => answers::own(StatusCode::OK, Bytes::from_static(b"OK")),
            "info" => answers::json(self.worker.shared.info.clone()),
            _ => asker.refuse(StatusCode::NOT_FOUND, NOTHING_HERE),
        }
    }

    /// Completes a request with the host's headers, and asks its component.
    async fn hand_over(
        &self,
        mut request: Request<Received>,
        absolute: &Uri,
        found: &RouteMatch<'_, '_>,
        asking: Asking<'_>,
    ) -> Response<Contents> {
        let shared = &self.worker.shared;
        self.hide_origin(&mut request);
        headers::complete(
            request.headers_mut(),
            absolute,
            found,
            &shared.route_headers,
            &self.address,
            asking.asker.trace(),
        );
        let (mut parts, incoming) = request.into_parts();
        parts.uri = absolute.clone();
        let (bytes_max, pause_max) = (shared.up.max_body_bytes, shared.up.body_read_timeout);
        let (mut body, fate) = body::incoming(incoming, bytes_max, pause_max);
        let (asker, version) = (asking.asker, parts.version);
        let breaker = match parts.method.is_safe() {
            true => None,
            false => shared
                .breakers
                .get(asking.component)
                .and_then(Option::as_ref),
        };
        if asking.handler.has_slots() || breaker.is_some() {
            body = match Box::pin(self.read_ahead(body, &fate)).await {
                Ok(body) => body,
                Err(cut) => return unread(cut, bytes_max, asker),
            };
        }
        let mut asking = asking;
        asking.guard = breaker.map(|breaker| Guard::new(breaker, &fate));
        let response = self.ask(asking, Request::from_parts(parts, body)).await;
        match fate.cut() {
            None => response,
            // The component could not read its request and has nothing to say about it.
            Some(cut) if response.status().is_server_error() => unread(cut, bytes_max, asker),
            // The connection ends behind the reply, as nobody knows where the next request begins.
            Some(_) if version < Version::HTTP_2 => answers::closing(response),
            Some(_) => response,
        }
    }

    /// The body when its client has sent it, or how it was cut short.
    async fn read_ahead(&self, body: WasiBody, fate: &Fate) -> Result<WasiBody, Cut> {
        let read = timeout(self.request_timeout(), ahead::read(body)).await;
        let body = read.map_err(|_| Cut::Late)?;
        fate.cut().map_or(Ok(body), Err)
    }

    /// Takes the origin of a page that may not read replies out of a read: the reply is then that for programs, and a
    /// client that invents origins fills the cache with no copies of it.
    fn hide_origin(&self, request: &mut Request<Received>) {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let Some(origins) = self.worker.shared.application.origins.as_ref() else {
            return;
        };
        let headers = request.headers_mut();
        if !reads || !origins.vary() || !headers.contains_key(ORIGIN) {
            return;
        }
        let lines: Vec<&[u8]> = headers
            .get_all(ORIGIN)
            .iter()
            .map(HeaderValue::as_bytes)
            .collect();
        let admitted = match lines[..] {
            [line] => std::str::from_utf8(line).is_ok_and(|origin| origins.admits(origin)),
            _ => false,
        };
        if !admitted {
            headers.remove(ORIGIN);
        }
    }
}

/// The answer to a request whose target does not matter: one that cannot be read safely, or is about the host itself.
fn without_target(
    request: &Request<Received>,
    is_ambiguous: bool,
    asker: &Asker<'_>,
) -> Option<Response<Contents>> {
    let headers = request.headers();
    let target = request.uri().path_and_query();
    if target.map_or(0, |target| target.as_str().len()) > limits::TARGET_BYTES_MAX {
        let bytes_max = limits::TARGET_BYTES_MAX;
        let reason = format!("the request target is longer than {bytes_max} bytes");
        return Some(asker.last(StatusCode::URI_TOO_LONG, &reason));
    }
    if is_ambiguous {
        let reason = "both Content-Length and Transfer-Encoding";
        return Some(asker.last(StatusCode::BAD_REQUEST, reason));
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let is_chunked = |line: &HeaderValue| line.as_bytes().eq_ignore_ascii_case(b"chunked");
    if codings.next().is_some_and(|line| !is_chunked(line)) || codings.next().is_some() {
        let reason = "no transfer coding but chunked is known";
        return Some(asker.last(StatusCode::NOT_IMPLEMENTED, reason));
    }
    let mut expected = headers.get_all(EXPECT).iter();
    if !expected.all(|line| line.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        let reason = "no expectation but 100-continue is known";
        return Some(asker.last(StatusCode::EXPECTATION_FAILED, reason));
    }
    if request.version() == Version::HTTP_2 && head_bytes(headers) > limits::H2_HEAD_BYTES_MAX {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Some(asker.refuse(status, "the headers are too many or too large"));
    }
    // Its status is in trailers, which few clients of HTTP/1.1 see: nothing is begun.
    if request.version() < Version::HTTP_2 && super::call::is_call(headers) {
        let status = StatusCode::HTTP_VERSION_NOT_SUPPORTED;
        return Some(asker.refuse(status, "a gRPC call needs HTTP/2"));
    }
    match (request.method(), request.uri().path()) {
        (&Method::CONNECT, _) => {
            let reason = "this server is no proxy";
            Some(asker.last(StatusCode::NOT_IMPLEMENTED, reason))
        }
        // About the server as a whole, which has no options of its own.
        (&Method::OPTIONS, "*") => Some(answers::own(StatusCode::NO_CONTENT, Bytes::new())),
        (_, "*") => Some(asker.refuse(StatusCode::BAD_REQUEST, "only OPTIONS has the target *")),
        _ => None,
    }
}

/// The refusal of a request whose body was cut short.
fn unread(cut: Cut, bytes_max: u64, asker: &Asker<'_>) -> Response<Contents> {
    match cut {
        Cut::TooLarge => asker.too_large(bytes_max),
        Cut::Late => {
            let reason = "the body of the request did not come in time";
            asker.last(StatusCode::REQUEST_TIMEOUT, reason)
        }
        Cut::Broken => {
            let reason = "the body of the request cannot be read";
            asker.last(StatusCode::BAD_REQUEST, reason)
        }
    }
}

/// Bytes of headers as HTTP/2 counts them (RFC 9113, 6.5.2).
fn head_bytes(headers: &HeaderMap) -> usize {
    const OVERHEAD_BYTES: usize = 32;
    let each = headers.iter();
    each.map(|(name, value)| name.as_str().len() + value.len() + OVERHEAD_BYTES)
        .sum()
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
