//! The compared platform and the contents of its databases: products, orders to read, orders to cancel. The relay is
//! paused once everything is in place, so that every peer has the same machine and the databases count what the peers
//! wrote.

use crate::seed;
use anyhow::{Result, ensure};
use domain::OrderId;
use platform::client::Client;
use platform::{Options, Platform, SHARDS};
use serde_json::json;
use std::path::Path;

/// Products with stock in Redis that are ordered.
const PRODUCTS: usize = 100;
/// Products with stock in MySQL that are ordered: with fewer, concurrent requests would lock the same row too often and
/// be refused.
const DB_PRODUCTS: usize = 1_000;
const STOCK: u32 = 2_000_000_000;
/// Users whose lists are read.
const READERS: u64 = 1_000;
/// The same where the number of orders is given.
const FEW_READERS: u64 = 100;
const ORDERS_EACH: u64 = 20;
const FIRST_READER: u64 = 5_000_000;
/// First id of the users whose orders are read once; below, of those whose orders are cancelled.
const FIRST_STORED: u64 = 100_000_000;
const FIRST_FRESH: u64 = 50_000_000;
/// Orders that are read again and again.
const HOT_ORDERS: usize = 1_000;
/// InnoDB's buffer pool where the number of orders is given: it holds what is read of the largest table, but not the
/// whole table.
pub const BUFFER_POOL_BYTES: u64 = 2 << 30;
/// Keys per `DEL`.
const FORGET: usize = 1_000;
/// Id of the first product that is read once.
const FIRST_OF_MANY: u64 = 5_000_000;

/// Size of a world.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Orders in MySQL before the measurement; 0 where the number does not matter.
    pub orders: u64,
    pub shards: u64,
}

/// The platform and its contents.
pub struct World {
    shards: u64,
    /// `Size::orders`.
    orders: usize,
    pub platform: Platform,
    pub products: Vec<u64>,
    pub db_products: Vec<u64>,
    pub readers: Vec<u64>,
    pub hot_orders: Vec<(u64, OrderId)>,
    /// Products of the flash sales with purchases.
    pub sales: Vec<u64>,
    stored: Vec<(u64, OrderId)>,
    many: Vec<u64>,
    number: u64,
    fresh_users: u64,
}

impl World {
    /// A platform with the data of every workload.
    ///
    /// # Errors
    /// Where it does not start or refuses a product.
    pub fn new() -> Result<World> {
        World::of(Size {
            orders: 0,
            shards: SHARDS,
        })
    }

    /// The same in another size.
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
        // A rewrite of the append-only file takes a core for seconds and would slow down one peer's round.
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

    /// The folder for files of a measurement.
    pub fn folder(&self) -> &Path {
        self.platform.home().path()
    }

    /// A number that was not used before.
    pub fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// `count` orders that are in MySQL, the same each time; no more than the given number of orders, which must not
    /// grow.
    pub fn stored_orders(&mut self, count: usize) -> Result<Vec<(u64, OrderId)>> {
        let count = match self.orders {
            0 => count,
            orders => count.min(orders),
        };
        self.store(count)?;
        // Spread over all orders, so that a large table is read in many places.
        let step = self.stored.len() / count.max(1);
        Ok(self
            .stored
            .iter()
            .step_by(step.max(1))
            .take(count)
            .copied()
            .collect())
    }

    /// Makes sure that there are this many stored orders, in batches that fit into memory.
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

    /// New pending orders.
    pub fn fresh_orders(&mut self, count: usize) -> Result<Vec<(u64, OrderId)>> {
        let first = self.fresh_users;
        self.fresh_users += count as u64;
        seed::orders(&self.platform, self.shards, first, count as u64, 1)
    }

    /// `count` products, the same each time.
    pub fn many_products(&mut self, count: usize) -> Result<Vec<u64>> {
        if self.many.len() < count {
            let first = FIRST_OF_MANY + self.many.len() as u64;
            let more = (count - self.many.len()) as u64;
            seed::products(&self.platform, first, more)?;
            self.many.extend(first..first + more);
        }
        Ok(self.many[..count].to_vec())
    }

    pub fn forget(&self, keys: Vec<String>) -> Result<()> {
        let mut redis = self.platform.redis_connection()?;
        for keys in keys.chunks(FORGET) {
            redis::cmd("DEL").arg(keys).exec(&mut redis)?;
        }
        Ok(())
    }

    /// Number of rows over all shards.
    pub fn rows(&self, table: &str, filter: &str) -> Result<i64> {
        (0..self.shards).try_fold(0, |sum, shard| {
            let count = format!("SELECT COUNT(*) FROM order_{shard}.{table} WHERE {filter}");
            Ok(sum + self.platform.number(&count)?)
        })
    }

    /// Number of orders accepted and not yet written.
    pub fn order_entries(&self) -> Result<i64> {
        self.entries(contract::store::redis::order_intakes())
    }

    /// Number of purchases accepted and not yet written.
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

    /// Checks that the server uses these databases: it must find one of the orders, and not an unknown one.
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
