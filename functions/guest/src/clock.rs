//! The host's wall clock. For times that are shown and for rough checks; what must agree between machines uses Redis'
//! or MySQL's clock.

use domain::Ms;
use std::time::{SystemTime, UNIX_EPOCH};

pub use crate::host::sleep;

/// 0 where the clock is before 1970.
pub fn now() -> Ms {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as Ms)
}
