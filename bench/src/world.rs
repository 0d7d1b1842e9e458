//! The platform under comparison and what is in its databases: products, orders to read, orders to cancel. The relay is
//! paused once all is in place, so that every peer has the same machine and the databases count what the peers wrote.

use crate::seed;
use anyhow::{Result, ensure};
use domain::OrderId;
use platform::client::Client;
use platform::{Options, Platform, SHARDS};
use serde_json::json;
use std::path::Path;

/// Products whose stock is ordered from.
const PRODUCTS: usize = 100;
/// Those of the database's stock: of fewer, two requests would meet too often, and one be refused.
const DB_PRODUCTS: usize = 1_000;
const STOCK: u32 = 2_000_000_000;
/// Users whose lists are read, and their orders.
const READERS: u64 = 1_000;
/// As many where the number of all orders is given.
const FEW_READERS: u64 = 100;
const ORDERS_EACH: u64 = 20;
const FIRST_READER: u64 = 5_000_000;
/// Users whose orders are read once or cancelled.
const FIRST_STORED: u64 = 100_000_000;
const FIRST_FRESH: u64 = 50_000_000;
/// Orders read again and again.
const HOT_ORDERS: usize = 1_000;
/// Of InnoDB where the number of orders is given: what is read of the largest table fits, the table does not.
pub const BUFFER_POOL_BYTES: u64 = 2 << 30;
/// Keys deleted at a time.
const FORGET: usize = 1_000;
/// First of the products that are read once.
const FIRST_OF_MANY: u64 = 5_000_000;

/// How much there is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Orders in MySQL before anything is measured; 0 where it does not matter.
    pub orders: u64,
    pub shards: u64,
}

/// The platform and its contents.
pub struct World {
    shards: u64,
    /// As asked for, 0 where it does not matter.
    orders: usize,
    pub platform: Platform,
    pub products: Vec<u64>,
    pub db_products: Vec<u64>,
    pub readers: Vec<u64>,
    pub hot_orders: Vec<(u64, OrderId)>,
    /// Products of the flash sales that were bought in.
    pub sales: Vec<u64>,
    stored: Vec<(u64, OrderId)>,
    many: Vec<u64>,
    number: u64,
    fresh_users: u64,
}

impl World {
    /// A platform with what every workload reads.
    ///
    /// # Errors
    /// Where it does not start or refuses a product.
    pub fn new() -> Result<World> {
        World::of(Size {
            orders: 0,
            shards: SHARDS,
        })
    }

    /// The same of another size.
    ///
    /// # Errors
    /// As for `new`.
    pub fn of(size: Size) -> Result<World> {
        let shards = size.shards;
        let platform = Platform::start(Options {
            shards: Some(shards),
            ..Options::default()
        })?;
        let products = |count, mode| {
            (0..count)
                .map(|_| platform.product(STOCK, mode))
                .collect::<Result<Vec<_>>>()
        };
        let (products, db_products) = (products(PRODUCTS, "redis")?, products(DB_PRODUCTS, "db")?);
        let orders = size.orders as usize;
        let readers = if orders > 0 { FEW_READERS } else { READERS };
        let listed = seed::orders(&platform, shards, FIRST_READER, readers, ORDERS_EACH)?;
        platform.relay.pause();
        // A rewrite takes one of few cores for seconds: it would be one peer's round, and not the next one's.
        redis::cmd("CONFIG")
            .arg(&["SET", "auto-aof-rewrite-percentage", "0"])
            .exec(&mut platform.redis_connection()?)?;
        if orders > 0 {
            platform.sql(&format!(
                "SET GLOBAL innodb_buffer_pool_size = {BUFFER_POOL_BYTES}"
            ))?;
        }
        let mut world = World {
            shards,
            orders,
            products,
            db_products,
            readers: (FIRST_READER..FIRST_READER + readers).collect(),
            hot_orders: listed[..HOT_ORDERS].to_vec(),
            sales: Vec::new(),
            stored: if orders > 0 { listed } else { Vec::new() },
            many: Vec::new(),
            number: 0,
            fresh_users: FIRST_FRESH,
            platform,
        };
        world.store(orders)?;
        Ok(world)
    }

    /// `host:port` of the platform's own host.
    pub fn address(&self) -> &str {
        self.platform.api.base().trim_start_matches("http://")
    }

    /// The folder for what a measurement writes.
    pub fn folder(&self) -> &Path {
        self.platform.home().path()
    }

    /// A number nobody had.
    pub fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// So many orders that are in MySQL; the same each time. No more than there are in a world of a given size, which
    /// is to keep it.
    pub fn stored_orders(&mut self, count: usize) -> Result<Vec<(u64, OrderId)>> {
        let count = match self.orders {
            0 => count,
            orders => count.min(orders),
        };
        self.store(count)?;
        // Spread over all of them, so that a large table is read in many places.
        let step = self.stored.len() / count.max(1);
        Ok(self
            .stored
            .iter()
            .step_by(step.max(1))
            .take(count)
            .copied()
            .collect())
    }

    /// Sees to it that there are so many, in pieces that fit the memory.
    fn store(&mut self, count: usize) -> Result<()> {
        const PIECE: usize = 500_000;
        while self.stored.len() < count {
            let more = PIECE.min(count - self.stored.len()) as u64;
            let first = FIRST_STORED + self.stored.len() as u64;
            let made = seed::orders(&self.platform, self.shards, first, more, 1)?;
            self.stored.extend(made);
        }
        Ok(())
    }

    /// So many pending orders that were not given before.
    pub fn fresh_orders(&mut self, count: usize) -> Result<Vec<(u64, OrderId)>> {
        let first = self.fresh_users;
        self.fresh_users += count as u64;
        seed::orders(&self.platform, self.shards, first, count as u64, 1)
    }

    /// So many products; the same each time.
    pub fn many_products(&mut self, count: usize) -> Result<Vec<u64>> {
        if self.many.len() < count {
            let first = FIRST_OF_MANY + self.many.len() as u64;
            let more = (count - self.many.len()) as u64;
            seed::products(&self.platform, first, more)?;
            self.many.extend(first..first + more);
        }
        Ok(self.many[..count].to_vec())
    }

    /// Deletes keys in Redis.
    pub fn forget(&self, keys: Vec<String>) -> Result<()> {
        let mut redis = self.platform.redis_connection()?;
        for keys in keys.chunks(FORGET) {
            redis::cmd("DEL").arg(keys).exec(&mut redis)?;
        }
        Ok(())
    }

    /// Rows over all shards.
    pub fn rows(&self, table: &str, filter: &str) -> Result<i64> {
        (0..self.shards).try_fold(0, |sum, shard| {
            let count = format!("SELECT COUNT(*) FROM order_{shard}.{table} WHERE {filter}");
            Ok(sum + self.platform.number(&count)?)
        })
    }

    /// Orders accepted and not yet written.
    pub fn order_entries(&self) -> Result<i64> {
        self.entries(contract::store::redis::order_intakes())
    }

    /// Purchases accepted and not yet written.
    pub fn sale_entries(&self) -> Result<i64> {
        let of =
            |product: &u64| contract::store::redis::seckill_intake(domain::ProductId(*product));
        self.entries(self.sales.iter().map(of))
    }

    fn entries(&self, streams: impl Iterator<Item = String>) -> Result<i64> {
        let mut redis = self.platform.redis_connection()?;
        let mut sum = 0;
        for stream in streams {
            sum += redis::cmd("XLEN").arg(stream).query::<i64>(&mut redis)?;
        }
        Ok(sum)
    }

    /// Every peer answers with what is in these databases: one order is asked for, and an unknown one.
    ///
    /// # Errors
    /// Where it does not.
    pub fn serves(&self, address: &str) -> Result<()> {
        let client = Client::new(format!("http://{address}"));
        let (user, id) = self.hot_orders[0];
        let reply = client.get(&format!("/v1/order/{id}"))?.expect(200)?;
        ensure!(
            reply.body["order"]["user_id"] == json!(user.to_string()),
            "{address} gave {}",
            reply.text
        );
        client.get("/v1/order/1")?.expect(404).map(drop)
    }
}
