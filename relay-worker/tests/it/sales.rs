//! Flash sales as the functions make them: preheated, and bought in through the scripts.

use crate::world::{World, now, wait};
use contract::store::redis as keys;
use contract::store::redis::Script;
use contract::wire::event::OrderEvent;
use domain::hex::hex;
use domain::{Order, OrderId, ProductId, SeckillId, ShardCount, SkuId, Status, User, UserId};
use redis::FromRedisValue;
use relay_worker::orders::read::{Which, orders};
use stack::Process;
use std::collections::HashMap;

/// A row of `order_failures`: source, status, retries, error.
pub type Failure = (String, u8, u32, String);

pub fn run<T: FromRedisValue>(
    redis: &mut redis::Connection,
    script: &Script,
    keys: &[String],
    arguments: &[String],
) -> T {
    redis::Script::new(script.text)
        .prepare_invoke()
        .key(keys)
        .arg(arguments)
        .invoke(redis)
        .unwrap()
}

pub fn text(value: impl ToString) -> String {
    value.to_string()
}

impl World {
    /// An open flash sale of a product; its units are moved to the sale's row.
    pub async fn sale(&mut self, product: u64, units: u32, ends_at: u64) -> SeckillId {
        let at = now();
        let number = sqlx::query(
            "INSERT INTO seckill_activity (product_id, name, price, stock, starts_at, ends_at, per_user_limit, status, \
             created_at, updated_at) VALUES (?, 'Tea', 99, ?, 0, ?, 5, 1, ?, ?)",
        )
        .bind(product).bind(units).bind(ends_at).bind(at).bind(at)
        .execute(&self.inventory).await.unwrap().last_insert_id();
        let sale = SeckillId {
            product: ProductId(product),
            number: number.try_into().unwrap(),
        };
        let sku = SkuId(0).of_sale(sale.number);
        sqlx::query("UPDATE t_inventory SET available_stock = available_stock - ?, total_stock = total_stock - ?, \
                     seeded_stock = seeded_stock - ?, version = version + 1 WHERE product_id = ? AND sku_id = 0")
            .bind(units).bind(units).bind(units).bind(product)
            .execute(&self.inventory).await.unwrap();
        sqlx::query("INSERT INTO t_inventory (product_id, sku_id, available_stock, total_stock, seeded_stock, version, \
                     created_at, updated_at) VALUES (?, ?, ?, ?, ?, 1, ?, ?)")
            .bind(product).bind(sku.0).bind(units).bind(units).bind(units).bind(at).bind(at)
            .execute(&self.inventory).await.unwrap();
        let facts = [
            text(1),
            text(sale.number),
            format!("0:{ends_at}"),
            text("id"),
            text(sale),
            text("product"),
            text(product),
            text("sku"),
            text(sku.0),
            text("price"),
            text(99),
            text("limit"),
            text(5),
            text("starts_at"),
            text(0),
            text("ends_at"),
            text(ends_at),
            text("name"),
            text("Tea"),
            text("image"),
            text(""),
        ];
        let loaded = [keys::seckill(sale), keys::seckills(sale.product)];
        let status: String = run(&mut self.redis, &keys::SECKILL_LOAD, &loaded, &facts);
        assert_eq!(status, "open");
        let (available, _, _) = self.stock(product).await;
        let rows = [
            text(2),
            text(0),
            text(available),
            text(1),
            text(sku.0),
            text(units),
            text(1),
        ];
        let stock = [keys::stock(sale.product), keys::reserved(sale.product)];
        let _: i64 = run(&mut self.redis, &keys::SYNC, &stock, &rows);
        let _: i64 = redis::cmd("ZADD")
            .arg(keys::SECKILL_PRODUCTS)
            .arg("GT")
            .arg(ends_at)
            .arg(product)
            .query(&mut self.redis)
            .unwrap();
        sale
    }

    pub fn mint(&mut self, user: UserId) -> OrderId {
        let epoch = [text(domain::id::EPOCH_MS)];
        let tick: u64 = run(
            &mut self.redis,
            &keys::MINT,
            &[keys::id_counter(user.gene())],
            &epoch,
        );
        OrderId::compose(tick, user.gene()).unwrap()
    }

    /// Gets a token and buys; the order, or the status of the script that refused.
    pub fn buy(&mut self, sale: SeckillId, user: u64, quantity: u32) -> Result<OrderId, String> {
        let id = UserId::new(user);
        let order = self.mint(id);
        let nonce = "0123456789abcdef0123456789abcdef";
        let token = [
            keys::seckill(sale),
            keys::stock(sale.product),
            keys::seckill_buyers(sale),
            keys::seckill_token(sale, id),
            keys::seckill_rate(sale),
            keys::seckill_user_rate(sale, id),
            keys::product(sale.product),
        ];
        let words: Vec<String> = run(
            &mut self.redis,
            &keys::SECKILL_TOKEN,
            &token,
            &[
                text(user),
                text(nonce),
                text(order),
                text(300_000),
                text(0),
                text(0),
            ],
        );
        let order = match words[0].as_str() {
            "issued" => order,
            // A token from an earlier attempt whose purchase was refused.
            "held" => words[2].parse().ok().and_then(OrderId::new).unwrap(),
            word => return Err(word.to_owned()),
        };
        let buyer = User {
            id,
            reference: None,
        };
        let queued = contract::store::queued::QueuedOrder::purchase(sale, &buyer);
        let _: () = redis::cmd("SET")
            .arg(keys::queued(order))
            .arg(queued)
            .query(&mut self.redis)
            .unwrap();
        let all = [
            keys::seckill(sale),
            keys::stock(sale.product),
            keys::reserved(sale.product),
            keys::seckill_buyers(sale),
            keys::seckill_token(sale, id),
            keys::seckill_intake(sale.product),
            keys::seckill_rate(sale),
            keys::seckill_user_rate(sale, id),
            keys::product(sale.product),
        ];
        let words: Vec<String> = run(
            &mut self.redis,
            &keys::SECKILL_BUY,
            &all,
            &[
                text(user),
                text(nonce),
                text(quantity),
                text(86_400_000),
                text(1_000_000),
                text(keys::INTAKE_CHANNEL),
                text(0),
                text(0),
            ],
        );
        match words[0].as_str() {
            "ok" => Ok(words[1].parse().ok().and_then(OrderId::new).unwrap()),
            word => Err(word.to_owned()),
        }
    }

    /// Accepts an order into the intake, as the function does.
    pub fn accept(&mut self, order: &Order) {
        let key = keys::idempotency(order.user.id, &text(order.id));
        let _: () = redis::cmd("HSET")
            .arg(&key)
            .arg("tick")
            .arg(1)
            .query(&mut self.redis)
            .unwrap();
        let event = serde_json::to_string(&OrderEvent::created(order, None)).unwrap();
        let all = [
            key,
            keys::queued(order.id),
            keys::order_intake(order.id.gene()),
        ];
        let mut hash = [0; 16];
        hash[..8].copy_from_slice(&order.id.get().to_be_bytes());
        let word: String = run(
            &mut self.redis,
            &keys::ENQUEUE,
            &all,
            &[
                text(1),
                text("p"),
                text(60_000),
                text(202),
                text("{}"),
                text("{}"),
                text(1_000),
                text(keys::INTAKE_CHANNEL),
                text("event"),
                event,
                text("key"),
                hex(&hash),
                text("payload"),
                hex(&[7; 16]),
                text("trace"),
                text(""),
            ],
        );
        assert_eq!(word, "ok");
    }

    /// Adds an entry to a product's intake, as only a faulty or repeating writer could.
    pub fn intake(&mut self, product: u64, fields: &HashMap<String, String>) {
        let mut command = redis::cmd("XADD");
        command
            .arg(keys::seckill_intake(ProductId(product)))
            .arg("*");
        for (name, value) in fields {
            command.arg(name).arg(value);
        }
        let _: String = command.query(&mut self.redis).unwrap();
    }

    /// The fields of a purchase's intake entry.
    pub fn entry(&mut self, sale: SeckillId, user: u64, order: OrderId) -> HashMap<String, String> {
        [
            ("kind", text("seckill")),
            ("order", text(order)),
            ("user", text(user)),
            ("seckill", text(sale)),
            ("product", text(sale.product.0)),
            ("sku", text(SkuId(0).of_sale(sale.number).0)),
            ("quantity", text(1)),
            ("price", text(99)),
            ("name", text("Tea")),
            ("image", text("")),
            ("at", text(now())),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    /// Orders in all shards, and their number of buyers.
    pub async fn orders(&self) -> (u64, u64) {
        let (mut orders, mut buyers) = (0, 0);
        for shard in &self.shards {
            let (o, b): (i64, i64) =
                sqlx::query_as("SELECT COUNT(*), COUNT(DISTINCT user_id) FROM t_order")
                    .fetch_one(shard)
                    .await
                    .unwrap();
            orders += o as u64;
            buyers += b as u64;
        }
        (orders, buyers)
    }

    /// Cancels an order as its buyer would.
    pub async fn cancel(&mut self, id: OrderId) {
        let shard = ShardCount::new(self.shards.len())
            .unwrap()
            .shard_of(id.gene());
        let mut session = self.shards[shard].acquire().await.unwrap();
        let found = orders(&mut session, Which::Pending(&[id])).await.unwrap();
        drop(session);
        let order = found.into_iter().next().unwrap();
        self.change(order, Status::Cancelled).await.unwrap();
    }

    /// Publishes the hint for a retry by hand.
    pub fn retry_now(&mut self) {
        let _: i64 = redis::cmd("PUBLISH")
            .arg(keys::FAILURES_CHANNEL)
            .arg(1)
            .query(&mut self.redis)
            .unwrap();
    }

    pub async fn failures(&self) -> Vec<Failure> {
        sqlx::query_as(
            "SELECT source, status, retry_count, error_message FROM order_failures ORDER BY id",
        )
        .fetch_all(&self.inventory)
        .await
        .unwrap()
    }

    /// Available, locked and sold units of the sale's own row.
    pub async fn sale_stock(&self, sale: SeckillId) -> (u32, u32, u32) {
        sqlx::query_as("SELECT available_stock, locked_stock, sold_stock FROM t_inventory WHERE product_id = ? AND sku_id = ?")
            .bind(sale.product.0).bind(SkuId(0).of_sale(sale.number).0)
            .fetch_one(&self.inventory).await.unwrap()
    }

    /// Waiting intake entries of the product and of all users.
    pub fn waiting(&mut self, product: u64) -> u64 {
        let mut pipeline = redis::pipe();
        for name in keys::order_intakes().chain([keys::seckill_intake(ProductId(product))]) {
            pipeline.xlen(name);
        }
        let lengths: Vec<u64> = pipeline.query(&mut self.redis).unwrap();
        lengths.iter().sum()
    }

    /// Waits until all intakes are empty and every outbox row is confirmed, then checks every invariant.
    pub async fn written_and_sound(&mut self, product: u64) {
        wait("the intakes", async || self.waiting(product) == 0).await;
        self.quiet().await;
        let report = self.command("reconcile");
        assert!(report.contains("invariants hold"), "{report}");
    }
}

pub fn kill_and_start(relay: &Process) {
    relay.kill();
    relay.start().unwrap();
}
