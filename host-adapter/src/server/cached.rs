//! A request's way through the local cache, if there is one: served from the store, coalesced with others, or passed
//! on. An unsafe request is answered only when no host serves what it made stale.

use super::Permit;
use super::answers::{Asker, own};
use super::body::{Collected, Contents, collect};
use super::breaker::Guard;
use super::connection::Client;
use super::received::Received;
use crate::admission::Entrance;
use crate::cache::{
    Cache, Entry, HOST_CACHE_CONTROL, Key, Miss, Target, Turn, Wanted, is_known, of_not_modified,
};
use crate::limits;
use crate::metrics::ComponentMetrics;
use bytes::Bytes;
use http::header::{AGE, CONTENT_LENGTH, EXPECT, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use http::response::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body;
use std::sync::Arc;
use std::time::Instant;
use tokio::time::timeout;
use wasmtime_wasi_http::WasiBody;

/// What a request to a component needs.
pub struct Asking<'a> {
    /// The component's instances on this thread.
    pub handler: &'a Entrance,
    /// Its index in the application.
    pub component: usize,
    /// Its metrics.
    pub metrics: &'a ComponentMetrics,
    /// For what the host answers itself.
    pub asker: &'a Asker<'a>,
    /// Held until the reply is whole.
    pub permit: Arc<Permit>,
    /// The component's breaker, where it concerns this request.
    pub guard: Option<Guard<'a>>,
}

impl Client {
    /// The stored answer, if there is one: before routing, permits and the host's headers.
    pub(super) fn stored(
        &self,
        request: &Request<Received>,
        started: Instant,
    ) -> Option<Response<Contents>> {
        let shared = &self.worker.shared;
        let cache = shared.cache.as_ref()?;
        let headers = request.headers();
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        if !reads || !request.body().is_end_stream() || headers.contains_key(EXPECT) {
            return None;
        }
        let wanted = Wanted::read(headers);
        let target = Target::of_request(request.uri(), request.version(), headers, &self.scheme)?;
        let entry = cache.hit(target, headers, &wanted, started)?;
        let metrics = shared.components.get(entry.component)?;
        let response = told(&entry, headers, metrics, started);
        metrics.answered(response.status(), started.elapsed());
        tracing::debug!(
            component = shared.application.guests[entry.component].id,
            path = request.uri().path(),
            status = response.status().as_u16(),
            "answered from the cache"
        );
        Some(response)
    }

    /// The component's answer: to this request, or to another for the same.
    pub(super) async fn ask(
        &self,
        asking: Asking<'_>,
        request: Request<WasiBody>,
    ) -> Response<Contents> {
        let Some(cache) = &self.worker.shared.cache else {
            return self.pass(asking, request).await;
        };
        if request.method().is_safe() {
            let has_body = !request.body().is_end_stream();
            let wanted = Wanted::read(request.headers());
            let reads = matches!(*request.method(), Method::GET | Method::HEAD);
            let can = reads && !has_body && !wanted.bypass;
            if can && cache.open(Instant::now()) {
                return self.look(cache, wanted, asking, request).await;
            }
            asking.metrics.cache.bypass.inc();
            if can && wanted.only_if_cached {
                return not_stored(asking.asker);
            }
            return self.pass(asking, request).await;
        }
        asking.metrics.cache.bypass.inc();
        let uri = request.uri().clone();
        let response = self.pass(asking, request).await;
        cache
            .changed(Target::of(&uri), response.status(), response.headers())
            .await;
        response
    }

    async fn pass(&self, mut asking: Asking<'_>, request: Request<WasiBody>) -> Response<Contents> {
        match asking.guard.take() {
            None => self.pass_on(asking, request).await,
            Some(guard) => Box::pin(self.guarded(guard, asking, request)).await,
        }
    }

    /// The component's answer to this request.
    pub(super) async fn pass_on(
        &self,
        asking: Asking<'_>,
        request: Request<WasiBody>,
    ) -> Response<Contents> {
        match asking.handler.handle(asking.permit.clone(), request).await {
            Ok(mut response) => {
                response.headers_mut().remove(HOST_CACHE_CONTROL);
                response.map(|body| Contents::Guest {
                    body,
                    permit: asking.permit,
                })
            }
            Err(error) => self.failed(&asking, &error),
        }
    }

    fn failed(&self, asking: &Asking<'_>, error: &wasmtime::Error) -> Response<Contents> {
        let guests = &self.worker.shared.application.guests;
        asking.asker.failed(error, &guests[asking.component].id)
    }

    /// A GET or HEAD that may be answered from the store, at once or when a request in flight has filled it.
    async fn look(
        &self,
        cache: &Cache,
        wanted: Wanted,
        asking: Asking<'_>,
        mut request: Request<WasiBody>,
    ) -> Response<Contents> {
        let Some(key) = Target::of(request.uri()).map(|target| Key::new(&target)) else {
            return self.pass(asking, request).await;
        };
        // To be stored, the reply must be whole. That to a HEAD is then sent without its body.
        *request.method_mut() = Method::GET;
        let conditions = conditions(request.headers_mut());
        let turn = if wanted.only_if_cached {
            let now = Instant::now();
            match cache.hit(key.target(), request.headers(), &wanted, now) {
                Some(entry) => Turn::Hit(entry),
                None => return not_stored(asking.asker),
            }
        } else if wanted.no_cache {
            Turn::Alone
        } else {
            match timeout(
                self.request_timeout(),
                cache.turn(&key, request.headers(), &wanted),
            )
            .await
            {
                Ok(turn) => turn,
                Err(_) => return not_stored(asking.asker),
            }
        };
        let lead = match turn {
            Turn::Hit(entry) => {
                return told(&entry, &conditions, asking.metrics, Instant::now());
            }
            Turn::Lead(lead) => Some(lead),
            Turn::Alone => None,
        };
        asking.metrics.cache.miss.inc();
        let miss = Miss {
            component: asking.component,
            key,
            headers: request.headers().clone(),
            lead,
            asked: cache.asked(),
        };
        self.fetch(cache, miss, (wanted, conditions), asking, request)
            .await
    }

    /// Asks the component, and stores the reply where that is allowed.
    async fn fetch(
        &self,
        cache: &Cache,
        miss: Miss<'_>,
        (wanted, conditions): (Wanted, HeaderMap),
        asking: Asking<'_>,
        request: Request<WasiBody>,
    ) -> Response<Contents> {
        let response = match asking.handler.handle(asking.permit.clone(), request).await {
            Ok(response) => response,
            Err(error) => {
                cache.unkept(miss);
                return self.failed(&asking, &error);
            }
        };
        let (mut head, body) = response.into_parts();
        let keeping = cache.keeping(&miss.key, head.status, &head.headers, &wanted);
        head.headers.remove(HOST_CACHE_CONTROL);
        let permit = asking.permit;
        let Some(keeping) = keeping.filter(|_| !is_large(&head.headers)) else {
            cache.unkept(miss);
            return unstored(head, &conditions, Contents::Guest { body, permit });
        };
        let collecting = collect(
            body,
            limits::CACHE_BODY_BYTES_MAX,
            limits::CACHE_COLLECT_TIMEOUT,
        );
        match collecting.await {
            Collected::Whole(body) => {
                let entry = cache.keep(miss, keeping, head, body);
                match entry.matches(&conditions) {
                    true => not_modified(&entry),
                    false => whole(&entry),
                }
            }
            Collected::Begun(frames, body) => {
                cache.unkept(miss);
                let body = Contents::Begun {
                    frames,
                    body,
                    permit,
                };
                unstored(head, &conditions, body)
            }
        }
    }
}

/// A reply that is not stored, or 304 where the client has it: the component has not seen its conditions.
fn unstored(head: Parts, conditions: &HeaderMap, body: Contents) -> Response<Contents> {
    if !is_known(head.status, &head.headers, conditions) {
        return Response::from_parts(head, body);
    }
    let mut response = own(StatusCode::NOT_MODIFIED, Bytes::new());
    *response.headers_mut() = of_not_modified(&head.headers);
    response
}

fn not_stored(asker: &Asker<'_>) -> Response<Contents> {
    let reason = "no stored answer came in time";
    asker.refuse(StatusCode::GATEWAY_TIMEOUT, reason)
}

/// Takes out the headers that would make a component answer 304, and returns those that name entity tags.
fn conditions(headers: &mut HeaderMap) -> HeaderMap {
    let mut conditions = HeaderMap::new();
    for value in headers.get_all(IF_NONE_MATCH) {
        conditions.append(IF_NONE_MATCH, value.clone());
    }
    headers.remove(IF_NONE_MATCH);
    headers.remove(IF_MODIFIED_SINCE);
    conditions
}

fn is_large(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    length.is_some_and(|length| length > limits::CACHE_BODY_BYTES_MAX as u64)
}

/// A stored reply, or 304 where the client has it.
fn told(
    entry: &Arc<Entry>,
    conditions: &HeaderMap,
    metrics: &ComponentMetrics,
    now: Instant,
) -> Response<Contents> {
    let mut response = if entry.matches(conditions) {
        metrics.cache.revalidated.inc();
        not_modified(entry)
    } else {
        metrics.cache.hit.inc();
        whole(entry)
    };
    response.headers_mut().insert(AGE, entry.age_value(now));
    response
}

fn whole(entry: &Entry) -> Response<Contents> {
    let (status, headers, body) = entry.whole();
    let mut response = Response::new(Contents::Whole(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn not_modified(entry: &Entry) -> Response<Contents> {
    let mut response = own(StatusCode::NOT_MODIFIED, Bytes::new());
    *response.headers_mut() = entry.not_modified();
    response
}
