//! The circuit breaker that a manifest gives a component: requests that change something are refused at once where too
//! many of them fail or take too long. docs/decisions/0028.

use super::body::{Contents, Cut, Fate};
use super::cached::Asking;
use super::connection::Client;
use crate::application::Guest;
use crate::limits;
use crate::manifest::Breaker as Bound;
use crate::metrics::Metrics;
use http::{Request, Response, StatusCode};
use http_body::Body;
use pools::breaker::{Breaker, Counting, Pass, Rules};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use wasmtime_wasi_http::WasiBody;

/// The breaker of one component, over all threads.
#[derive(Debug)]
pub struct ComponentBreaker {
    breaker: Arc<Breaker>,
    component: String,
    /// How long a request may take, from when its body is there and the component has a slot for it.
    limit: Duration,
}

impl ComponentBreaker {
    /// That of `guest`, if its manifest gives it one; `limit` replaces the manifest's.
    pub fn of(guest: &Guest, limit: Option<Duration>, metrics: &Metrics) -> Option<Self> {
        let bound = guest.bounds.breaker?;
        let shown = metrics.outbound.breaker(&guest.id);
        let breaker = Breaker::new(guest.id.clone(), rules(bound), shown);
        Some(Self {
            breaker: Arc::new(breaker),
            component: guest.id.clone(),
            limit: limit.unwrap_or(Duration::from_millis(bound.timeout_ms.get().into())),
        })
    }

    fn failed(&self, pass: &mut Pass) {
        // There is no backend to be asked: it stays open for its time.
        let _ = self.breaker.failed(pass);
    }

    /// Counts a request by its answer. A 503 is left to the breakers of the servers that the component asks, or is the
    /// host's own for want of room: neither is a reason to refuse those whom the component can serve. Nor is a body
    /// that its client did not send.
    fn judge(&self, pass: &mut Pass, status: StatusCode, cut: Option<Cut>) {
        if status == StatusCode::SERVICE_UNAVAILABLE || cut.is_some() {
            return;
        }
        match status.is_server_error() {
            true => self.failed(pass),
            false => self.breaker.succeeded(pass),
        }
    }
}

/// One request is tried when it has been open for its time.
fn rules(bound: Bound) -> Rules {
    Rules {
        counting: Counting::Rolling,
        interval_ms: limits::BREAKER_WINDOW_MS,
        requests_min: bound.requests_min.get().into(),
        errors_percent: bound.errors_percent.get(),
        consecutive_errors_max: u64::MAX,
        open_ms: bound.open_ms.get().into(),
        half_open_requests_max: 1,
        probe_ms: bound.open_ms.get().into(),
    }
}

/// The breaker that a request has to pass.
pub struct Guard<'a> {
    breaker: &'a ComponentBreaker,
    /// What becomes of the request's body.
    fate: &'a Fate,
}

impl<'a> Guard<'a> {
    /// For a request whose body has this fate.
    pub fn new(breaker: &'a ComponentBreaker, fate: &'a Fate) -> Self {
        Self { breaker, fate }
    }
}

impl Client {
    /// The answer of a component with a breaker. A request that takes too long is answered for it and goes on in its
    /// instance: stopped between two steps, an order would have to be repaired. It keeps its slot until it ends.
    pub(super) async fn guarded(
        &self,
        Guard { breaker, fate }: Guard<'_>,
        asking: Asking<'_>,
        request: Request<WasiBody>,
    ) -> Response<Contents> {
        let asker = asking.asker;
        let Ok(mut pass) = breaker.breaker.admit() else {
            return asker.busy();
        };
        let started = Instant::now();
        // Of a long body the rest is still being sent: how long that takes is up to the client.
        if request.body().size_hint().exact().is_none() {
            return self.pass_on(asking, request).await;
        }
        let permit = asking.permit.clone();
        let begins = || match asking.handler.has_slots() {
            true => permit.slot_since(),
            false => Some(started),
        };
        let late = late(breaker.limit, begins);
        let answered = tokio::select! {
            biased;
            response = self.pass_on(asking, request) => Some(response),
            () = late => None,
        };
        let Some(response) = answered else {
            tracing::warn!(
                trace_id = asker.trace().trace_id(),
                component = breaker.component,
                "the answer took too long: the component goes on"
            );
            breaker.failed(&mut pass);
            return asker.busy();
        };
        breaker.judge(&mut pass, response.status(), fate.cut());
        response
    }
}

/// Waits until `limit` is over since `begins`, which may not have come yet. How long a request waits for its slot has a
/// bound of its own.
async fn late(limit: Duration, begins: impl Fn() -> Option<Instant>) {
    let mut until = Some(Instant::now() + limit);
    while let Some(time) = until {
        sleep_until(time).await;
        until = rest(limit, begins(), Instant::now());
    }
}

/// Until when to wait further; `None`: it is over.
fn rest(limit: Duration, begins: Option<Instant>, now: Instant) -> Option<Instant> {
    let until = begins.unwrap_or(now) + limit;
    (until > now).then_some(until)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> ComponentBreaker {
        let metrics = Metrics::new().unwrap();
        let bound = "timeout_ms = 1000\nerrors_percent = 50\nrequests_min = 20\nopen_ms = 5000";
        let rules = rules(toml::from_str(bound).unwrap());
        let shown = metrics.outbound.breaker("orders");
        ComponentBreaker {
            breaker: Arc::new(Breaker::new("orders".to_owned(), rules, shown)),
            component: "orders".to_owned(),
            limit: Duration::from_secs(1),
        }
    }

    #[test]
    fn answers_count_by_what_they_say_of_the_component() {
        for (status, cut, opens) in [
            (500, None, true),
            (502, None, true),
            (504, None, true),
            (500, Some(Cut::Broken), false),
            (503, None, false),
            (429, None, false),
            (409, None, false),
            (200, None, false),
        ] {
            let breaker = breaker();
            for _ in 0..20 {
                let mut pass = breaker.breaker.admit().unwrap();
                breaker.judge(&mut pass, StatusCode::from_u16(status).unwrap(), cut);
            }
            let is_open = breaker.breaker.admit().is_err();
            assert_eq!(is_open, opens, "{status} {cut:?}");
        }
    }

    #[test]
    fn the_time_counts_from_the_slot() {
        let (second, now) = (Duration::from_secs(1), Instant::now());
        assert_eq!(
            rest(second, None, now),
            Some(now + second),
            "it has no slot"
        );
        let half = second / 2;
        assert_eq!(rest(second, Some(now), now + half), Some(now + second));
        assert_eq!(rest(second, Some(now), now + second), None);
        assert_eq!(rest(second, Some(now), now + second * 2), None);
    }
}
