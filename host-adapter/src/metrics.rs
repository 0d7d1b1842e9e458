//! What `/metrics` shows. Handles are looked up once and kept, so that counting is an atomic addition.

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};
use std::sync::OnceLock;
use std::time::Duration;

const SERVICE: &str = "host-adapter";
const REQUEST_BUCKETS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0,
];
const WAIT_BUCKETS: [f64; 8] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.2, 1.0];

/// Every metric of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    pools: Pools,
    links: Links,
    instances: IntGaugeVec,
    instances_started: IntCounterVec,
    traps: IntCounterVec,
    /// Those of the local cache.
    pub host_cache: CacheMetrics,
    /// Those of the server in front of the components.
    pub server: ServerMetrics,
}

/// The metrics of the server: who is let in.
#[derive(Debug)]
pub struct ServerMetrics {
    /// Requests refused because too many were in flight.
    pub requests_refused: IntCounter,
    /// Requests in flight.
    pub requests_in_flight: IntGauge,
    component_refused: IntCounterVec,
    component_in_flight: IntGaugeVec,
    /// Connections refused because too many were open.
    pub connections_refused: IntCounter,
    /// Connections that were closed because they stood still, or others needed their place.
    pub connections_evicted: IntCounter,
    /// Client connections open.
    pub connections: IntGauge,
}

/// The metrics of one component.
#[derive(Debug)]
pub struct ComponentMetrics {
    id: String,
    requests: IntCounterVec,
    by_status: Vec<OnceLock<IntCounter>>,
    durations: Histogram,
    /// Instances alive.
    pub instances: IntGauge,
    /// Instances ever made.
    pub instances_started: IntCounter,
    /// Instances that trapped or were stopped.
    pub traps: IntCounter,
    /// Requests by what the local cache did with them.
    pub cache: CacheResults,
}

/// What the local cache did with requests. Nothing is counted where there is none.
#[derive(Debug)]
pub struct CacheResults {
    /// Told from the store.
    pub hit: IntCounter,
    /// Told from the store that nothing has changed.
    pub revalidated: IntCounter,
    /// Asked for, to be stored.
    pub miss: IntCounter,
    /// Passed on.
    pub bypass: IntCounter,
}

/// The metrics of the local cache.
#[derive(Debug, Clone)]
pub struct CacheMetrics {
    requests: IntCounterVec,
    /// Bytes stored.
    pub bytes: IntGauge,
    /// Replies stored.
    pub entries: IntGauge,
    /// Invalidations, of this host's requests and of the channel.
    pub invalidations: IntCounter,
    /// 1 while the channel works.
    pub channel_up: IntGauge,
}

/// The metrics of one database address.
#[derive(Debug, Clone)]
pub struct PoolMetrics {
    /// Connections a guest holds.
    pub in_use: IntGauge,
    /// Connections allowed.
    pub max: IntGauge,
    /// Connections there are.
    pub open: IntGauge,
    /// Statements waiting for a connection.
    pub waiters: IntGauge,
    /// How long those waited, in seconds.
    pub wait: Histogram,
    /// Statements that ran into their deadline.
    pub timeouts: IntCounter,
    /// Sessions that had to be cleaned before the next request.
    pub cleaned: IntCounter,
}

/// The metrics of one Redis address.
#[derive(Debug, Clone)]
pub struct LinkMetrics {
    /// Commands waiting for their reply.
    pub in_flight: IntGauge,
    /// Connections up.
    pub connected: IntGauge,
    /// Commands that failed.
    pub errors: IntCounter,
}

impl Metrics {
    /// Registers every metric. An error would mean that two share a name.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new_custom(
            None,
            Some([("service".to_owned(), SERVICE.to_owned())].into()),
        )?;
        let made = Maker(&registry);
        Ok(Self {
            requests: made.counters(
                "http_requests_total",
                "Requests answered.",
                &["component", "status"],
            )?,
            durations: made.histograms(
                "http_request_duration_seconds",
                "Until the answer began.",
                &["component"],
                &REQUEST_BUCKETS,
            )?,
            pools: Pools::new(&made)?,
            links: Links::new(&made)?,
            instances: made.gauges(
                "wasm_instances",
                "Component instances alive.",
                &["component"],
            )?,
            instances_started: made.counters(
                "wasm_instances_started_total",
                "Component instances made.",
                &["component"],
            )?,
            traps: made.counters(
                "wasm_traps_total",
                "Instances that trapped or were stopped.",
                &["component"],
            )?,
            host_cache: CacheMetrics::new(&made)?,
            server: ServerMetrics::new(&made)?,
            registry,
        })
    }

    /// The metrics of the component `id`.
    pub fn component(&self, id: &str) -> ComponentMetrics {
        let results = &self.host_cache.requests;
        let cache = |result| results.with_label_values(&[id, result]);
        ComponentMetrics {
            id: id.to_owned(),
            requests: self.requests.clone(),
            by_status: (100..600).map(|_| OnceLock::new()).collect(),
            durations: self.durations.with_label_values(&[id]),
            instances: self.instances.with_label_values(&[id]),
            instances_started: self.instances_started.with_label_values(&[id]),
            traps: self.traps.with_label_values(&[id]),
            cache: CacheResults {
                hit: cache("hit"),
                revalidated: cache("revalidated"),
                miss: cache("miss"),
                bypass: cache("bypass"),
            },
        }
    }

    /// The metrics of the database at `address`, which must hold no secret.
    pub fn pool(&self, address: &str) -> PoolMetrics {
        self.pools.at(address)
    }

    /// The metrics of the Redis at `address`, which must hold no secret.
    pub fn link(&self, address: &str) -> LinkMetrics {
        self.links.at(address)
    }

    /// The text Prometheus reads.
    pub fn render(&self) -> prometheus::Result<Vec<u8>> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// Of all databases, by address.
#[derive(Debug)]
struct Pools {
    in_use: IntGaugeVec,
    max: IntGaugeVec,
    open: IntGaugeVec,
    waiters: IntGaugeVec,
    wait: HistogramVec,
    timeouts: IntCounterVec,
    cleaned: IntCounterVec,
}

impl Pools {
    fn new(made: &Maker<'_>) -> prometheus::Result<Self> {
        Ok(Self {
            in_use: made.gauges(
                "db_connections_in_use",
                "Database connections held by requests.",
                &["address"],
            )?,
            max: made.gauges(
                "db_connections_max",
                "Database connections allowed.",
                &["address"],
            )?,
            open: made.gauges(
                "db_connections_open",
                "Database connections there are.",
                &["address"],
            )?,
            waiters: made.gauges(
                "db_connection_waiters",
                "Statements waiting for a connection.",
                &["address"],
            )?,
            wait: made.histograms(
                "db_connection_wait_seconds",
                "How long statements waited for a connection.",
                &["address"],
                &WAIT_BUCKETS,
            )?,
            timeouts: made.counters(
                "db_statement_timeouts_total",
                "Statements stopped at their deadline.",
                &["address"],
            )?,
            cleaned: made.counters(
                "db_sessions_cleaned_total",
                "Sessions cleaned before reuse.",
                &["address"],
            )?,
        })
    }

    fn at(&self, address: &str) -> PoolMetrics {
        let label = &[address];
        PoolMetrics {
            in_use: self.in_use.with_label_values(label),
            max: self.max.with_label_values(label),
            open: self.open.with_label_values(label),
            waiters: self.waiters.with_label_values(label),
            wait: self.wait.with_label_values(label),
            timeouts: self.timeouts.with_label_values(label),
            cleaned: self.cleaned.with_label_values(label),
        }
    }
}

/// Of all Redis servers, by address.
#[derive(Debug)]
struct Links {
    in_flight: IntGaugeVec,
    connected: IntGaugeVec,
    errors: IntCounterVec,
}

impl Links {
    fn new(made: &Maker<'_>) -> prometheus::Result<Self> {
        Ok(Self {
            in_flight: made.gauges(
                "redis_commands_in_flight",
                "Redis commands waiting for a reply.",
                &["address"],
            )?,
            connected: made.gauges(
                "redis_connections_open",
                "Redis connections there are.",
                &["address"],
            )?,
            errors: made.counters(
                "redis_errors_total",
                "Redis commands that failed.",
                &["address"],
            )?,
        })
    }

    fn at(&self, address: &str) -> LinkMetrics {
        LinkMetrics {
            in_flight: self.in_flight.with_label_values(&[address]),
            connected: self.connected.with_label_values(&[address]),
            errors: self.errors.with_label_values(&[address]),
        }
    }
}

impl ServerMetrics {
    fn new(made: &Maker<'_>) -> prometheus::Result<Self> {
        Ok(Self {
            requests_refused: made.counter(
                "http_requests_refused_total",
                "Requests refused: too many in flight.",
            )?,
            requests_in_flight: made.gauge("http_requests_in_flight", "Requests in flight.")?,
            component_refused: made.counters(
                "http_component_requests_refused_total",
                "Requests refused: too many of the component in flight.",
                &["component"],
            )?,
            component_in_flight: made.gauges(
                "http_component_requests_in_flight",
                "Requests in flight, by component.",
                &["component"],
            )?,
            connections_refused: made.counter(
                "http_connections_refused_total",
                "Connections refused: too many open.",
            )?,
            connections_evicted: made.counter(
                "http_connections_evicted_total",
                "Connections closed: they stood still, or others needed their place.",
            )?,
            connections: made.gauge("http_connections_open", "Client connections open.")?,
        })
    }

    /// Requests of the component `id`: those in flight, and those refused.
    pub fn component(&self, id: &str) -> (IntGauge, IntCounter) {
        (
            self.component_in_flight.with_label_values(&[id]),
            self.component_refused.with_label_values(&[id]),
        )
    }
}

impl CacheMetrics {
    fn new(made: &Maker<'_>) -> prometheus::Result<Self> {
        Ok(Self {
            requests: made.counters(
                "host_cache_requests_total",
                "Requests by what the local cache did with them.",
                &["component", "result"],
            )?,
            bytes: made.gauge("host_cache_bytes", "Bytes in the local cache.")?,
            entries: made.gauge("host_cache_entries", "Entries in the local cache.")?,
            invalidations: made.counter(
                "host_cache_invalidations_total",
                "Invalidations, of own requests and of the channel.",
            )?,
            channel_up: made.gauge(
                "host_cache_channel_up",
                "1 while the channel works and the local cache answers.",
            )?,
        })
    }
}

impl ComponentMetrics {
    /// Counts an answer.
    pub fn answered(&self, status: http::StatusCode, after: Duration) {
        let code = status.as_u16();
        if let Some(slot) = self.by_status.get(usize::from(code).wrapping_sub(100)) {
            slot.get_or_init(|| {
                let code = code.to_string();
                self.requests.with_label_values(&[&self.id, &code])
            })
            .inc();
        }
        self.durations.observe(after.as_secs_f64());
    }
}

struct Maker<'a>(&'a Registry);

impl Maker<'_> {
    fn add<C: prometheus::core::Collector + Clone + 'static>(
        &self,
        made: C,
    ) -> prometheus::Result<C> {
        self.0.register(Box::new(made.clone()))?;
        Ok(made)
    }
    fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.add(IntCounter::new(name, help)?)
    }
    fn gauge(&self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.add(IntGauge::new(name, help)?)
    }
    fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> prometheus::Result<IntCounterVec> {
        self.add(IntCounterVec::new(Opts::new(name, help), labels)?)
    }
    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntGaugeVec> {
        self.add(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }
    fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> prometheus::Result<HistogramVec> {
        let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.add(HistogramVec::new(opts, labels)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_component_and_status() {
        let metrics = Metrics::new().unwrap();
        let orders = metrics.component("orders");
        orders.answered(http::StatusCode::OK, Duration::from_millis(3));
        orders.answered(http::StatusCode::OK, Duration::from_millis(30));
        metrics.pool("mysql://db:3306/x").max.set(8);
        let text = String::from_utf8(metrics.render().unwrap()).unwrap();
        for line in [
            r#"http_requests_total{component="orders",status="200",service="host-adapter"} 2"#,
            r#"http_request_duration_seconds_bucket{component="orders",service="host-adapter",le="0.005"} 1"#,
            r#"db_connections_max{address="mysql://db:3306/x",service="host-adapter"} 8"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
