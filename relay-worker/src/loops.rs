//! The relay's background loops, started by `commands::run`: publish the outbox, write accepted orders, retry failed
//! messages, apply events to stock and to the search index, run and close flash sales, cancel unpaid orders, ask
//! about payments, and clean up after crashes.

pub mod expiry;
pub mod failures;
pub mod index;
pub mod intake;
pub mod outbox;
pub mod payments;
pub mod sales;
pub mod seckill_source;
pub mod stock;
pub mod sweep;
