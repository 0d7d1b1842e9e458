//! The one place that reads the clock.

use domain::Ms;
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the epoch, UTC.
pub fn now_ms() -> Ms {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_millis() as Ms)
}
