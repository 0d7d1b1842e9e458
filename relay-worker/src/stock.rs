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
use std::fmt;

/// A product variant.
pub type Variant = (ProductId, SkuId);
/// A line of an order; a row of `t_stock_log`.
pub type LineKey = (OrderId, ProductId, SkuId);

/// Whom Redis has promised units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    Order(OrderId),
    /// A flash sale that is being preheated, by its number.
    Sale(u32),
}

impl Holder {
    pub fn parse(text: &str) -> Option<Holder> {
        match text.strip_prefix("seckill-") {
            Some(number) => number.parse().ok().map(Holder::Sale),
            None => OrderId::new(text.parse().ok()?).map(Holder::Order),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Order(order) => order.fmt(f),
            Holder::Sale(number) => write!(f, "seckill-{number}"),
        }
    }
}

/// `t_stock_log.state`: what was done with a line's units so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineState {
    Reserved = 1,
    Confirmed = 2,
    RolledBack = 3,
    Returned = 4,
    Refused = 5,
}

impl LineState {
    pub const fn code(self) -> u8 {
        self as u8
    }

    pub fn from_code(code: u8) -> Option<LineState> {
        use LineState::*;
        [Reserved, Confirmed, RolledBack, Returned, Refused]
            .into_iter()
            .find(|state| state.code() == code)
    }
}

/// A row of `t_stock_log` without its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    pub state: LineState,
    pub quantity: u32,
    pub mode: StockMode,
}
