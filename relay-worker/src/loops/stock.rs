//! The stock consumer: applies the stock moves of orders to the inventory database, then updates Redis, confirms the
//! outbox rows, and acknowledges to Kafka, in this order. Each step is idempotent, so a crash between any two loses
//! nothing.

pub mod apply;
pub mod consume;
pub mod consumed;
pub mod late;
pub mod message;
pub mod plan;
pub mod rows;
pub mod shards;
pub mod split;
pub mod sync;

use domain::{OrderId, ProductId, SkuId, StockMode};

/// A product variant.
pub type Variant = (ProductId, SkuId);
/// A line of an order; a row of `t_stock_log`.
pub type LineKey = (OrderId, ProductId, SkuId);

domain::coded! {
    /// `t_stock_log.state`: the last move of a line's units.
    pub enum LineState {
        /// From available to locked.
        Reserved = 1, "reserved";
        /// From locked to sold.
        Confirmed = 2, "confirmed";
        /// From locked to available; or cancelled before it was reserved, which must not move units later.
        RolledBack = 3, "rolled_back";
        /// From sold to available.
        Returned = 4, "returned";
        /// None: the units were not available.
        Refused = 5, "refused";
    }
}

/// A row of `t_stock_log` without its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    /// What was done with the units so far.
    pub state: LineState,
    /// Units of the line.
    pub quantity: u32,
    /// Where the units were reserved first.
    pub mode: StockMode,
}
