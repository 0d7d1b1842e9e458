//! The bound that a manifest sets on the requests a second to each route of a component, over all threads. A route has
//! a bucket of a second's tokens, kept as the time at which it is full again, so that taking one is a single exchange
//! and never waits. Requests that the local cache answers take none.

use crate::application::Application;
use crate::metrics::ServerMetrics;
use crate::router::Route;
use http_rules::limit::Limit;
use prometheus::IntCounter;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

const SECOND_NS: u64 = 1_000_000_000;

/// The bounds of all routes.
#[derive(Debug)]
pub struct Rates(Vec<Option<Rate>>);

impl Rates {
    /// Those of the application's routes, by their numbers.
    pub fn of(application: &Application, metrics: &ServerMetrics) -> Self {
        let began = Instant::now();
        let mut routes: Vec<&Route> = application.router.routes().collect();
        routes.sort_by_key(|route| route.number);
        let rates = routes.into_iter().map(|route| {
            let guest = application.guests.get(route.component)?;
            // Shown for every component.
            let refused = metrics.component_limited(&guest.id);
            let max = guest.bounds.requests_per_second_max?;
            Some(Rate::new(max, began, refused))
        });
        Self(rates.collect())
    }

    /// Takes a token of the route, where it has a bound.
    ///
    /// # Errors
    /// The bound where there is no token, which is counted.
    pub fn take(&self, route: &Route, now: Instant) -> Result<(), Limit> {
        match self.0.get(route.number) {
            Some(Some(rate)) => rate.take(now),
            _ => Ok(()),
        }
    }
}

/// The bound of one route.
#[derive(Debug)]
struct Rate {
    limit: Limit,
    /// Tokens in the bucket, as the ns in which they come back.
    size: u64,
    /// ns in which one token comes back.
    each: u64,
    /// What times count from.
    began: Instant,
    /// When the bucket is full again, in ns since then.
    full_at: AtomicU64,
    refused: IntCounter,
}

impl Rate {
    fn new(per_second_max: NonZeroU32, began: Instant, refused: IntCounter) -> Self {
        let max = per_second_max.get();
        // One that comes back in less than a nanosecond is no bound.
        let each = (SECOND_NS / u64::from(max)).max(1);
        Self {
            limit: Limit::of_path(max),
            size: each * u64::from(max),
            each,
            began,
            full_at: AtomicU64::new(0),
            refused,
        }
    }

    fn take(&self, now: Instant) -> Result<(), Limit> {
        let now = now.saturating_duration_since(self.began).as_nanos();
        if self.take_at(u64::try_from(now).unwrap_or(u64::MAX)) {
            return Ok(());
        }
        self.refused.inc();
        Err(self.limit)
    }

    /// Takes a token, if there is one at this time. Threads may be a little apart in their times: the bucket's does not
    /// go back.
    fn take_at(&self, now: u64) -> bool {
        let taken = self.full_at.fetch_update(Relaxed, Relaxed, |full_at| {
            let full_at = full_at.max(now).saturating_add(self.each);
            (full_at - now <= self.size).then_some(full_at)
        });
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests;
