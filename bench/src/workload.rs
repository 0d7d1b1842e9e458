//! The workloads: for each its requests, what a good reply is, and what the databases must show afterwards. Names are
//! those of `cargo xtask bench NAME`.

mod flash;
mod read;
mod write;

use crate::world::World;
use crate::wrk::{Batch, Expect};
use anyhow::Result;

/// One kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Workload {
    /// A component that answers at once
    Noop,
    /// One product, from Redis
    Product,
    /// One product, from MySQL
    ProductUncached,
    /// One order, from Redis
    Order,
    /// One order, from MySQL
    OrderUncached,
    /// A page of a user's orders
    List,
    /// An order of two lines, stock in Redis
    Create,
    /// The same, stock in MySQL
    CreateDb,
    /// The same, `Prefer: respond-async`
    CreateAsync,
    /// Eight reads of orders to two creates
    Mixed,
    /// A pending order is cancelled
    Cancel,
    /// Tokens of a flash sale
    SeckillToken,
    /// Purchases in a flash sale that are accepted
    SeckillBuy,
    /// Purchases in a flash sale that is sold out
    SoldOut,
}

impl Workload {
    /// The name on the command line and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Workload::Noop => "noop",
            Workload::Product => "product",
            Workload::ProductUncached => "product-uncached",
            Workload::Order => "order",
            Workload::OrderUncached => "order-uncached",
            Workload::List => "list",
            Workload::Create => "create",
            Workload::CreateDb => "create-db",
            Workload::CreateAsync => "create-async",
            Workload::Mixed => "mixed",
            Workload::Cancel => "cancel",
            Workload::SeckillToken => "seckill-token",
            Workload::SeckillBuy => "seckill-buy",
            Workload::SoldOut => "sold-out",
        }
    }

    /// Requests of one round; at most `count` where each can be sent only once.
    pub fn batch(self, world: &mut World, count: usize) -> Result<Batch> {
        match self {
            Workload::Noop => Ok(read::noop()),
            Workload::Product => Ok(read::products(world)),
            Workload::ProductUncached => read::products_forgotten(world, count),
            Workload::Order => Ok(read::orders(world)),
            Workload::OrderUncached => read::orders_forgotten(world, count),
            Workload::List => Ok(read::lists(world)),
            Workload::Create => Ok(write::creates(world, count, write::REDIS)),
            Workload::CreateDb => Ok(write::creates(world, count, write::DB)),
            Workload::CreateAsync => Ok(write::creates(world, count, write::ASYNC)),
            Workload::Mixed => Ok(write::mixed(world, count)),
            Workload::Cancel => write::cancels(world, count),
            Workload::SeckillToken => flash::tokens(world, count),
            Workload::SeckillBuy => flash::purchases(world, count),
            Workload::SoldOut => flash::refusals(world),
        }
    }

    /// What a good reply is.
    pub fn expect(self) -> Expect {
        let of = |status, part| Expect { status, part };
        match self {
            Workload::Noop => of(200, "ok"),
            Workload::Product | Workload::ProductUncached => of(200, "\"price\":99.99"),
            Workload::Order | Workload::OrderUncached | Workload::Mixed => {
                of(200, "\"order_no\":\"20")
            }
            Workload::List => of(200, "\"total\":20"),
            Workload::Create | Workload::CreateDb => of(200, "\"status\":\"pending\""),
            Workload::CreateAsync => of(202, "\"order_id\":\""),
            Workload::Cancel => of(200, "\"success\":true"),
            Workload::SeckillToken => of(200, "\"token\":\""),
            Workload::SeckillBuy => of(202, "\"order_id\":\""),
            Workload::SoldOut => of(409, "40002"),
        }
    }

    /// A count in the databases that grows by one with each good reply that writes; `None` where nothing is written.
    pub fn written(self, world: &mut World) -> Result<Option<i64>> {
        match self {
            Workload::Create | Workload::CreateDb | Workload::Mixed => {
                world.rows("t_order", "1 = 1").map(Some)
            }
            Workload::Cancel => world.rows("t_order", "status = 4").map(Some),
            Workload::CreateAsync => world.order_entries().map(Some),
            Workload::SeckillBuy => world.sale_entries().map(Some),
            _ => Ok(None),
        }
    }

    /// The share of good replies whose requests write.
    pub fn writes_share(self) -> f64 {
        match self {
            Workload::Mixed => 0.2,
            _ => 1.0,
        }
    }
}
