//! The stock consumer: applies what orders do to stock in the inventory database, then tells Redis,
//! the outbox and Kafka, in this order. Each step may be repeated, so a crash between any two loses nothing.

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
    /// `t_stock_log.state`: what was done with a line's units so far.
    pub enum LineState {
        Reserved = 1, "reserved";
        Confirmed = 2, "confirmed";
        RolledBack = 3, "rolled_back";
        Returned = 4, "returned";
        Refused = 5, "refused";
    }
}

/// A row of `t_stock_log` without its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    pub state: LineState,
    pub quantity: u32,
    pub mode: StockMode,
}
