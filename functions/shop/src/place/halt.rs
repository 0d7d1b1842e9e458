//! Attempts that place no order: why, and what they hold. The rule: give back only what is certainly not used; leave
//! the rest to a repeat or the relay.

use crate::order_store::Made;
use domain::{Order, OrderItem, StockMode};
use guest::Fault;

/// An attempt that ends without an order of its own.
#[derive(Debug)]
pub struct Halt {
    pub holds: Holds,
    pub because: Because,
}

/// What is to be given back, in this order: units before the key, which names their order.
#[derive(Debug, Clone, Copy, Default)]
pub struct Holds {
    pub units_in_database: bool,
    pub units_in_redis: bool,
    pub key: bool,
}

#[derive(Debug)]
pub enum Because {
    /// It cannot be placed.
    Fault(Fault),
    /// The key has made an order before.
    Made(Made),
    /// Another order has its id: it asks to be admitted again.
    IdTaken,
}

impl Holds {
    /// Nothing but the key.
    pub const KEY: Self = Self {
        units_in_database: false,
        units_in_redis: false,
        key: true,
    };

    /// All that a request may hold.
    pub const ALL: Self = Self {
        units_in_database: true,
        units_in_redis: true,
        key: true,
    };

    /// All that `order` was placed with.
    pub fn all(order: &Order) -> Self {
        let in_database = |item: &OrderItem| item.stock_mode == StockMode::Db;
        Self {
            units_in_database: order.items.iter().any(in_database),
            ..Self::ALL
        }
    }
}

impl Halt {
    /// Before anything was reserved. Where Redis is away units may be reserved all the same: the key stays in
    /// `processing` and names the order, so that a repeat or the relay releases them.
    pub fn unreserved(fault: Fault) -> Self {
        let redis_is_away = matches!(
            fault,
            Fault::Unavailable {
                backend: "redis",
                ..
            }
        );
        let holds = match redis_is_away {
            true => Holds::default(),
            false => Holds::KEY,
        };
        Self::holding(holds, fault)
    }

    /// With the units of all lines reserved in Redis, and none in the database.
    pub fn reserved_in_redis(fault: Fault) -> Self {
        let holds = Holds {
            units_in_redis: true,
            ..Holds::KEY
        };
        Self::holding(holds, fault)
    }

    /// Before anything was reserved, as its key has made an order.
    pub fn made(made: Made) -> Self {
        Self {
            holds: Holds::KEY,
            because: Because::Made(made),
        }
    }

    /// What it holds is given back.
    pub fn holding(holds: Holds, fault: Fault) -> Self {
        Self {
            holds,
            because: Because::Fault(fault),
        }
    }

    /// The order may exist: nothing is given back.
    pub fn uncertain(fault: Fault) -> Self {
        Self::holding(Holds::default(), fault)
    }
}
