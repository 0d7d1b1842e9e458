//! What all loops of the process share: a clock, a supervisor, wake-ups, backoff, metrics, logs and a way to stop.

pub mod batches;
pub mod clock;
pub mod hints;
pub mod metrics;
pub mod outage;
pub mod precedence;
pub mod progress;
pub mod shutdown;
pub mod status_server;
pub mod supervise;
pub mod telemetry;
