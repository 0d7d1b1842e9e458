//! What a relay does all the time, one loop each, started by `commands::run`: the outbox to the bus, accepted orders to
//! rows, failures to another attempt, events to the stock and to the search index, flash sales to their end, unpaid
//! orders to theirs, and what crashes left behind to its owner.

pub mod expiry;
pub mod failures;
pub mod index;
pub mod intake;
pub mod outbox;
pub mod sales;
pub mod seckill_source;
pub mod stock;
pub mod sweep;
