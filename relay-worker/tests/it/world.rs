//! Separate databases, Redis database and topic prefix for each test, on servers that all tests share; and what
//! functions do with them: place orders, pay, cancel.

use contract::store::{redis as keys, sql};
use contract::wire::event::OrderEvent;
use contract::wire::message;
use domain::order::{Actor, steps};
use domain::{
    Amounts, Cents, Order, OrderId, OrderItem, ProductId, ShardCount, SkuId, Status, StockMode,
    User, UserId,
};
use sqlx::MySqlPool;
use sqlx::mysql::MySqlPoolOptions;
use stack::{Home, Launch, MariaDb, Process, Redis};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Longer than anything takes on a busy machine; reached only by failing tests.
pub const SOON: Duration = Duration::from_secs(120);

struct Servers {
    mariadb: MariaDb,
    redis: Redis,
    home: Home,
}

fn servers() -> &'static Servers {
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let home = Home::temporary().unwrap();
        Servers {
            mariadb: MariaDb::start(&home, None).unwrap(),
            redis: Redis::start(&home, None).unwrap(),
            home,
        }
    })
}

pub struct World {
    pub number: u64,
    pub shards: Vec<MySqlPool>,
    pub inventory: MySqlPool,
    pub redis: redis::Connection,
    /// The relay's environment; tests add to it.
    pub env: Vec<(String, String)>,
    next_order: u64,
}

impl World {
    /// New databases with the schema, on the shared servers.
    pub async fn new() -> World {
        let Servers { mariadb, redis, .. } = servers();
        World::on(mariadb, redis).await
    }

    pub async fn on(mariadb: &MariaDb, redis: &Redis) -> World {
        World::spread([mariadb, mariadb], mariadb, redis).await
    }

    /// Each shard on its own server, and the inventory on a given one.
    pub async fn spread(servers: [&MariaDb; 2], inventory: &MariaDb, redis: &Redis) -> World {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(number < 64, "a Redis of ours has 64 databases");
        let shards: Vec<String> = servers
            .iter()
            .enumerate()
            .map(|(shard, server)| server.url(&format!("w{number}_order_{shard}")))
            .collect();
        let inventory = inventory.url(&format!("w{number}_inventory"));
        let redis_url = redis.url_of(number as u8);
        let mut world = World {
            number,
            shards: shards.iter().map(|url| pool(url)).collect(),
            inventory: pool(&inventory),
            redis: redis::Client::open(redis_url.as_str())
                .unwrap()
                .get_connection()
                .unwrap(),
            env: vec![
                ("MYSQL_URLS".into(), shards.join(",")),
                ("INVENTORY_URL".into(), inventory),
                ("REDIS_URL".into(), redis_url),
                ("TOPIC_PREFIX".into(), format!("w{number}.")),
            ],
            next_order: 0,
        };
        world.command("migrate");
        world.reconnect();
        world
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.env.push((name.to_owned(), value.into()));
    }

    /// Runs a relay command that must succeed; its output.
    pub fn command(&self, arguments: &str) -> String {
        let (code, text) = self.try_command(arguments);
        assert_eq!(code, 0, "{arguments}: {text}");
        text
    }

    pub fn try_command(&self, arguments: &str) -> (i32, String) {
        run(&self.env, arguments)
    }

    /// Starts a relay and waits until it serves.
    pub fn relay(&self) -> Process {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("relay-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let port = stack::free_port().unwrap();
        let program = env!("CARGO_BIN_EXE_relay-worker");
        let mut launch = Launch::new(&servers().home, &name, program)
            .unwrap()
            .args(["run", "--metrics-listen", &format!("127.0.0.1:{port}")])
            .ready(SOON, move || get(port, "/health").map(|_| ()));
        for (key, value) in &self.env {
            launch = launch.env(key, value);
        }
        launch.start().unwrap()
    }

    fn reconnect(&mut self) {
        let _: () = redis::cmd("FLUSHDB").query(&mut self.redis).unwrap();
    }

    pub async fn product(&self, product: u64, mode: StockMode, units: u32) {
        let now = now();
        sqlx::query("INSERT INTO products (id, name, price, stock_mode, created_at, updated_at) VALUES (?, 'Tea', 250, ?, ?, ?)")
            .bind(product).bind(mode.code()).bind(now).bind(now)
            .execute(&self.inventory).await.unwrap();
        sqlx::query("INSERT INTO t_inventory (product_id, available_stock, total_stock, seeded_stock, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(product).bind(units).bind(units).bind(units).bind(now).bind(now)
            .execute(&self.inventory).await.unwrap();
    }

    /// Records a stock change under a key; without one it is the opening stock.
    pub async fn change_stock(&self, product: u64, key: Option<u128>, units: i64) {
        sqlx::query("INSERT INTO t_stock_change (product_id, request_key, units, reason, available_stock, total_stock, created_at) \
                     VALUES (?, ?, ?, 'a test', 0, 0, 0)")
            .bind(product).bind(key.map(|key| key.to_be_bytes().to_vec())).bind(units)
            .execute(&self.inventory).await.unwrap();
    }

    /// An order as the function creates it, not yet stored.
    pub fn draft(&mut self, user: u64, product: u64, quantity: u32) -> Order {
        self.next_order += 1;
        let user = User {
            id: UserId::new(user),
            reference: None,
        };
        let price = Cents::new(250).unwrap();
        let total = price.times(quantity).unwrap();
        let created_at = now();
        let tick = ((created_at - domain::id::EPOCH_MS) << 12) + self.next_order % 4096;
        let item = OrderItem {
            product: ProductId(product),
            sku: SkuId(0),
            name: "Tea".to_owned(),
            image: None,
            price,
            quantity,
            subtotal: total,
            stock_mode: StockMode::Redis,
            foreign_sale: None,
        };
        let id = OrderId::compose(tick, user.id.gene()).unwrap();
        let amounts = Amounts::undiscounted(total);
        Order::pending(id, user, vec![item], amounts, created_at)
    }

    /// Adds an intent as `reserve` does, dated `age_ms` ago, whether or not there is stock.
    pub fn promise(&mut self, order: &Order, age_ms: u64) {
        for item in &order.items {
            let field = format!("{}:{}", order.id, item.sku.0);
            let at = now() - age_ms;
            let _: () = redis::pipe()
                .atomic()
                .hincr(
                    keys::stock(item.product),
                    format!("r:{}", item.sku.0),
                    item.quantity,
                )
                .hset(
                    keys::reserved(item.product),
                    field,
                    format!("{}:{at}", item.quantity),
                )
                .query(&mut self.redis)
                .unwrap();
        }
    }

    pub fn shard_of(&self, order: &Order) -> usize {
        ShardCount::new(self.shards.len())
            .unwrap()
            .shard_of(order.id.gene())
    }

    /// The function's transaction, and its hint to the relay.
    pub async fn insert(&mut self, order: &Order) {
        let shard = self.shard_of(order);
        let mut tx = self.shards[shard].begin().await.unwrap();
        sqlx::query(sql::INSERT_ORDER)
            .bind(order.id.get())
            .bind(order.user.id.get())
            .bind(&order.user.reference)
            .bind(order.id.order_no())
            .bind(order.total.get())
            .bind(order.discount.get())
            .bind(order.actual.get())
            .bind(&order.payment_method)
            .bind(&order.shipping_address)
            .bind(&order.remark)
            .bind(None::<Vec<u8>>)
            .bind(vec![0u8; 16])
            .bind(now() + 60_000)
            .bind(order.created_at)
            .bind(order.updated_at)
            .execute(&mut *tx)
            .await
            .unwrap();
        for item in &order.items {
            let statement = format!(
                "{}{}",
                sql::INSERT_ITEMS,
                sql::rows(1, sql::ITEM_PARAMETERS)
            );
            sqlx::query(sqlx::AssertSqlSafe(statement))
                .bind(order.id.get())
                .bind(item.product.0)
                .bind(item.sku.0)
                .bind(&item.name)
                .bind(&item.image)
                .bind(item.price.get())
                .bind(item.quantity)
                .bind(item.subtotal.get())
                .bind(item.stock_mode.code())
                .bind(item.foreign_sale.as_deref())
                .bind(order.created_at)
                .execute(&mut *tx)
                .await
                .unwrap();
        }
        let event = OrderEvent::created(order, Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        insert_event(&mut tx, &event, message::ORDER_CREATED).await;
        tx.commit().await.unwrap();
        self.hint(shard);
    }

    /// Reserves and inserts.
    pub async fn place(&mut self, user: u64, product: u64, quantity: u32) -> Order {
        let order = self.draft(user, product, quantity);
        self.promise(&order, 0);
        self.insert(&order).await;
        order
    }

    /// Compare-and-set and outbox row; the changed order, or `None` where another change came first.
    pub async fn change(&mut self, order: Order, to: Status) -> Option<Order> {
        let shard = self.shard_of(&order);
        let mut order = order;
        let mut tx = self.shards[shard].begin().await.unwrap();
        for step in steps(order.id, order.status, to, Actor::Admin).unwrap() {
            let before = order.version;
            order = order.after(step, now(), Some("changed my mind"), Some("p1"));
            let changed = sqlx::query(sql::UPDATE_STATUS)
                .bind(order.status.code())
                .bind(order.version)
                .bind(order.updated_at)
                .bind(order.paid_at)
                .bind(order.shipped_at)
                .bind(order.completed_at)
                .bind(order.cancelled_at)
                .bind(&order.payment_id)
                .bind(&order.cancel_reason)
                .bind(order.id.get())
                .bind(step.from.code())
                .bind(before)
                .execute(&mut *tx)
                .await
                .unwrap()
                .rows_affected();
            if changed == 0 {
                return None;
            }
            let event = OrderEvent::changed(&order, step, None);
            insert_event(&mut tx, &event, message::ORDER_STATUS_CHANGED).await;
        }
        tx.commit().await.unwrap();
        self.hint(shard);
        Some(order)
    }

    fn hint(&mut self, shard: usize) {
        let _: i64 = redis::cmd("PUBLISH")
            .arg(keys::OUTBOX_CHANNEL)
            .arg(shard)
            .query(&mut self.redis)
            .unwrap();
    }

    /// Available, locked and sold units in the database.
    pub async fn stock(&self, product: u64) -> (u32, u32, u32) {
        sqlx::query_as("SELECT available_stock, locked_stock, sold_stock FROM t_inventory WHERE product_id = ? AND sku_id = 0")
            .bind(product)
            .fetch_one(&self.inventory)
            .await
            .unwrap()
    }

    /// Available and reserved in Redis, and the number of intents.
    pub fn redis_stock(&mut self, product: u64) -> (i64, i64, i64) {
        let product = ProductId(product);
        let (a, r): (Option<i64>, Option<i64>) = redis::cmd("HMGET")
            .arg(keys::stock(product))
            .arg("a:0")
            .arg("r:0")
            .query(&mut self.redis)
            .unwrap();
        let intents: i64 = redis::cmd("HLEN")
            .arg(keys::reserved(product))
            .query(&mut self.redis)
            .unwrap();
        (a.unwrap_or(-1), r.unwrap_or(0), intents)
    }

    /// Rows of the outbox by status: waiting, sent, confirmed, dead.
    pub async fn outbox(&self) -> [u64; 4] {
        let mut counts = [0; 4];
        for shard in &self.shards {
            let rows: Vec<(u8, i64)> =
                sqlx::query_as("SELECT status, COUNT(*) FROM t_local_message GROUP BY status")
                    .fetch_all(shard)
                    .await
                    .unwrap();
            for (status, count) in rows {
                counts[usize::from(status)] += count as u64;
            }
        }
        counts
    }

    /// Stored status and version.
    pub async fn stored(&self, order: &Order) -> (u8, u32) {
        sqlx::query_as("SELECT status, version FROM t_order WHERE id = ?")
            .bind(order.id.get())
            .fetch_one(&self.shards[self.shard_of(order)])
            .await
            .unwrap()
    }

    /// Waits until every outbox row is confirmed.
    pub async fn quiet(&self) {
        let mut last = [0; 4];
        wait(&format!("outbox of world {}", self.number), async || {
            last = self.outbox().await;
            last[0] == 0 && last[1] == 0
        })
        .await;
    }
}

/// Runs a relay command; its exit code and output.
pub fn run(env: &[(String, String)], arguments: &str) -> (i32, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_relay-worker"))
        .args(arguments.split_whitespace())
        .envs(env.iter().cloned())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    let code = output.status.code().unwrap();
    (code, String::from_utf8(text).unwrap())
}

async fn insert_event(
    tx: &mut sqlx::Transaction<'_, sqlx::MySql>,
    event: &OrderEvent,
    topic: &str,
) {
    sqlx::query(sql::INSERT_MESSAGE)
        .bind(&event.message_id)
        .bind(&event.order.id)
        .bind(topic)
        .bind(event.event_type.name())
        .bind(serde_json::to_string(event).unwrap())
        .bind(event.occurred_at)
        .bind(event.occurred_at)
        .execute(&mut **tx)
        .await
        .unwrap();
}

fn pool(url: &str) -> MySqlPool {
    MySqlPoolOptions::new()
        .max_connections(4)
        .acquire_timeout(SOON)
        .connect_lazy(url)
        .unwrap()
}

pub fn now() -> u64 {
    relay_worker::process::clock::now_ms()
}

/// Waits for a predicate; panics after `SOON`.
pub async fn wait(what: &str, mut ready: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + SOON;
    let mut steps = tokio::time::interval(Duration::from_millis(10));
    while !ready().await {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{what}: not within {SOON:?}"
        );
        steps.tick().await;
    }
}

/// The body of a GET on 127.0.0.1.
pub fn get(port: u16, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    anyhow::ensure!(text.starts_with("HTTP/1.1 200"), "{text}");
    Ok(text.split_once("\r\n\r\n").unwrap_or_default().1.to_owned())
}
