//! The metrics of `/metrics`. Handles are looked up once and kept, so that counting is an atomic addition.

use prometheus::{
    Encoder, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
    TextEncoder, register_histogram_vec_with_registry as histograms,
    register_int_counter_vec_with_registry as counters,
    register_int_counter_with_registry as counter, register_int_gauge_vec_with_registry as gauges,
    register_int_gauge_with_registry as gauge,
};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The label `service` of every metric.
const SERVICE: &str = "host-adapter";
/// Upper bounds of the buckets of request durations, in seconds.
const REQUEST_BUCKETS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0,
];

/// Every metric of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    calls: IntCounterVec,
    /// Of databases and Redis.
    pub outbound: Arc<pools::metrics::Metrics>,
    instances: IntGaugeVec,
    instances_started: IntCounterVec,
    traps: IntCounterVec,
    /// Of the local cache.
    pub host_cache: CacheMetrics,
    /// Of the server in front of the components.
    pub server: ServerMetrics,
}

/// The metrics of the server: requests and connections admitted, refused and evicted.
#[derive(Debug)]
pub struct ServerMetrics {
    /// Requests refused because too many were in flight.
    pub requests_refused: IntCounter,
    /// Requests in flight.
    pub requests_in_flight: IntGauge,
    component_refused: IntCounterVec,
    component_in_flight: IntGaugeVec,
    component_waiting: IntGaugeVec,
    component_limited: IntCounterVec,
    /// Connections refused because too many were open.
    pub connections_refused: IntCounter,
    /// Connections closed because they stalled, held too much, or were evicted for others.
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
    /// gRPC calls by how they ended.
    pub calls: Arc<Calls>,
    /// Instances alive.
    pub instances: IntGauge,
    /// Instances ever made.
    pub instances_started: IntCounter,
    /// Instances that trapped or were stopped.
    pub traps: IntCounter,
    /// Requests by what the local cache did with them.
    pub cache: CacheResults,
}

/// The gRPC calls of one component.
#[derive(Debug)]
pub struct Calls {
    id: String,
    ended: IntCounterVec,
    by_status: [OnceLock<IntCounter>; STATUSES],
}

/// Statuses of gRPC.
const STATUSES: usize = 17;

impl Calls {
    /// Shows at once that there were none.
    fn new(id: &str, ended: &IntCounterVec) -> Self {
        let calls = Self {
            id: id.to_owned(),
            ended: ended.clone(),
            by_status: Default::default(),
        };
        let none = ended.with_label_values(&[id, "0"]);
        let _set_once = calls.by_status[0].set(none);
        calls
    }

    /// Counts a call that ended with this status.
    pub fn ended(&self, status: u8) {
        if let Some(slot) = self.by_status.get(usize::from(status)) {
            slot.get_or_init(|| {
                let status = status.to_string();
                self.ended.with_label_values(&[&self.id, &status])
            })
            .inc();
        }
    }
}

/// What the local cache did with requests. Nothing is counted where it is off.
#[derive(Debug)]
pub struct CacheResults {
    /// Served from the store.
    pub hit: IntCounter,
    /// Answered 304 from the store.
    pub revalidated: IntCounter,
    /// Sent to the component, whose reply may be stored.
    pub miss: IntCounter,
    /// Sent to the component past the cache.
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
    /// Invalidations, by this host's requests and by messages of the channel.
    pub invalidations: IntCounter,
    /// 1 while the channel works, else 0.
    pub channel_up: IntGauge,
}

impl Metrics {
    /// Registers every metric. Fails only where two share a name.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new_custom(
            None,
            Some([("service".to_owned(), SERVICE.to_owned())].into()),
        )?;
        Ok(Self {
            requests: counters!(
                "http_requests_total",
                "Requests answered.",
                &["component", "status"],
                registry
            )?,
            durations: histograms!(
                "http_request_duration_seconds",
                "Until the answer began.",
                &["component"],
                REQUEST_BUCKETS.to_vec(),
                registry
            )?,
            calls: counters!(
                "grpc_calls_total",
                "gRPC calls by the status that they ended with.",
                &["component", "status"],
                registry
            )?,
            outbound: Arc::new(pools::metrics::Metrics::register(&registry)?),
            instances: gauges!(
                "wasm_instances",
                "Component instances alive.",
                &["component"],
                registry
            )?,
            instances_started: counters!(
                "wasm_instances_started_total",
                "Component instances made.",
                &["component"],
                registry
            )?,
            traps: counters!(
                "wasm_traps_total",
                "Instances that trapped or were stopped.",
                &["component"],
                registry
            )?,
            host_cache: CacheMetrics::new(&registry)?,
            server: ServerMetrics::new(&registry)?,
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
            calls: Arc::new(Calls::new(id, &self.calls)),
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

    /// All metrics in Prometheus' text format.
    pub fn render(&self) -> prometheus::Result<Vec<u8>> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

impl ServerMetrics {
    fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            requests_refused: counter!(
                "http_requests_refused_total",
                "Requests refused: too many in flight.",
                registry
            )?,
            requests_in_flight: gauge!("http_requests_in_flight", "Requests in flight.", registry)?,
            component_refused: counters!(
                "http_component_requests_refused_total",
                "Requests refused: too many of the component in flight.",
                &["component"],
                registry
            )?,
            component_in_flight: gauges!(
                "http_component_requests_in_flight",
                "Requests in flight, by component.",
                &["component"],
                registry
            )?,
            component_waiting: gauges!(
                "http_component_requests_waiting",
                "Requests that wait until their component handles fewer than its manifest allows.",
                &["component"],
                registry
            )?,
            component_limited: counters!(
                "http_component_requests_limited_total",
                "Requests refused: more a second to one route of the component than its manifest allows.",
                &["component"],
                registry
            )?,
            connections_refused: counter!(
                "http_connections_refused_total",
                "Connections refused: too many open.",
                registry
            )?,
            connections_evicted: counter!(
                "http_connections_evicted_total",
                "Connections closed: they stood still, or others needed their place.",
                registry
            )?,
            connections: gauge!(
                "http_connections_open",
                "Client connections open.",
                registry
            )?,
        })
    }

    /// For requests to the component `id`: those in flight, and those refused.
    pub fn component(&self, id: &str) -> (IntGauge, IntCounter) {
        (
            self.component_in_flight.with_label_values(&[id]),
            self.component_refused.with_label_values(&[id]),
        )
    }

    /// Of the requests to the component `id`, those that wait for a slot.
    pub fn component_waiting(&self, id: &str) -> IntGauge {
        self.component_waiting.with_label_values(&[id])
    }

    /// Of the requests to the component `id`, those refused as too many a second.
    pub fn component_limited(&self, id: &str) -> IntCounter {
        self.component_limited.with_label_values(&[id])
    }
}

impl CacheMetrics {
    fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            requests: counters!(
                "host_cache_requests_total",
                "Requests by what the local cache did with them.",
                &["component", "result"],
                registry
            )?,
            bytes: gauge!("host_cache_bytes", "Bytes in the local cache.", registry)?,
            entries: gauge!(
                "host_cache_entries",
                "Entries in the local cache.",
                registry
            )?,
            invalidations: counter!(
                "host_cache_invalidations_total",
                "Invalidations, of own requests and of the channel.",
                registry
            )?,
            channel_up: gauge!(
                "host_cache_channel_up",
                "1 while the channel works and the local cache answers.",
                registry
            )?,
        })
    }
}

impl ComponentMetrics {
    /// Counts an answer that began `after` the request did.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_component_and_status() {
        let metrics = Metrics::new().unwrap();
        let orders = metrics.component("orders");
        orders.answered(http::StatusCode::OK, Duration::from_millis(3));
        orders.answered(http::StatusCode::OK, Duration::from_millis(30));
        metrics.outbound.database("mysql://db:3306/x").max.set(8);
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
