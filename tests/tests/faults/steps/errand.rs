//! Requests and relay work during which the platform crashes: each has its own buyer, key and order, and can be
//! repeated until it is done.

use super::goods;
use anyhow::{Context, Result, bail, ensure};
use contract::store::redis::{seckill_buyers, seckill_token};
use domain::{SeckillId, UserId};
use platform::client::{Client, Reply};
use platform::sale::{self, Sale};
use platform::shop::{buyer, key, order_body, placed};
use platform::{Platform, SHARDS};
use serde_json::json;
use stack::wait_ok;
use std::sync::OnceLock;
use std::time::Duration;

/// A key whose request died is taken over after 7 s.
const DONE_WITHIN: Duration = Duration::from_secs(60);
/// Units of each of the two products and of the sale that a campaign shares.
pub const UNITS: u32 = 20_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    CreateInRedis,
    CreateInDatabase,
    /// A create with `Prefer: respond-async`.
    Accept,
    Pay,
    Cancel,
    Ship,
    Complete,
    Announce,
    Preheat,
    Token,
    Buy,
    /// A second purchase by a buyer whose first one Redis has lost: it is given up, and its units are released.
    BuyTwice,
    /// An order that is not paid in time.
    Expire,
    /// A reservation in the database without an order.
    Orphan,
    /// The end of a sale with units left.
    EndOfSale,
    /// A failure that is retried by hand.
    Retry,
    Restock,
    /// A change of stock that takes units.
    Correct,
    /// The same of a product whose stock the database decides.
    CorrectInDatabase,
    Reprice,
    /// A reservation in Redis of a change of stock that was never made.
    Abandoned,
}

/// What the errands of a campaign share.
pub struct Shop<'a> {
    pub platform: &'a Platform,
    pub redis: u64,
    pub database: u64,
    pub sale: Sale,
}

impl Shop<'_> {
    pub fn open(platform: &Platform) -> Result<Shop<'_>> {
        Ok(Shop {
            platform,
            redis: platform.product(UNITS, "redis")?,
            database: platform.product(UNITS, "db")?,
            sale: platform.sale(UNITS, 1)?,
        })
    }
}

pub struct Errand<'a> {
    pub work: Work,
    shop: &'a Shop<'a>,
    user: u64,
    key: String,
    /// Set by `new` where an order is needed first, otherwise by the first successful answer.
    order: Option<String>,
    /// For `EndOfSale`, set when it is sent.
    sale: OnceLock<Sale>,
    token: String,
    failure: i64,
    /// Its own product, where it changes one.
    goods: u64,
}

impl<'a> Errand<'a> {
    /// Prepares what the request needs.
    pub fn new(shop: &'a Shop<'a>, work: Work) -> Result<Errand<'a>> {
        let mut errand = Errand {
            work,
            shop,
            user: buyer(),
            key: key(),
            order: None,
            sale: OnceLock::new(),
            token: String::new(),
            failure: 0,
            goods: 0,
        };
        errand.prepare()?;
        Ok(errand)
    }

    fn prepare(&mut self) -> Result<()> {
        use Work::*;
        let platform = self.shop.platform;
        if matches!(self.work, Pay | Cancel | Ship | Complete | Expire) {
            let order = placed(&platform.order(self.user, self.shop.redis, 1)?)?;
            self.order = Some(order);
        }
        if matches!(self.work, Ship | Complete) {
            self.pay(&platform.api)?.expect(200)?;
        }
        match self.work {
            Complete => drop(self.set_status(&platform.api, "shipped")?.expect(200)?),
            Preheat => self.sale = platform.announce(10, 1, -1_000, 3_600_000)?.into(),
            Token => self.sale = self.shop.sale.clone().into(),
            Buy => {
                let reply = sale::token(&platform.api, &self.shop.sale, self.user)?;
                self.token = sale::token_in(&reply)?;
            }
            BuyTwice => {
                self.order = Some(self.bought_and_forgotten()?);
                let reply = sale::token(&platform.api, &self.shop.sale, self.user)?;
                self.token = sale::token_in(&reply)?;
            }
            Retry => self.failure = self.given_up()?,
            Restock | Correct | Reprice | Abandoned => {
                self.goods = platform.product(goods::HAD, "redis")?;
            }
            CorrectInDatabase => self.goods = platform.product(goods::HAD, "db")?,
            Orphan => {
                // An order that holds units: releasing twice would take those.
                placed(&platform.order(buyer(), self.shop.database, 1)?)?;
                // Used as an order id: no such order exists.
                self.order = Some(self.user.to_string());
            }
            _ => {}
        }
        Ok(())
    }

    /// A purchase that was deleted from Redis afterwards.
    fn bought_and_forgotten(&self) -> Result<String> {
        let (platform, sale, user) = (self.shop.platform, &self.shop.sale, self.user);
        let token = sale::token_in(&sale::token(&platform.api, sale, user)?)?;
        let reply = sale::buy(&platform.api, user, &token, 1)?;
        ensure!(reply.status / 100 == 2, "{} {}", reply.status, reply.text);
        let sale = SeckillId::parse(&sale.id).context("the sale's id")?;
        redis::pipe()
            .del(seckill_token(sale, UserId::new(user)))
            .hdel(seckill_buyers(sale), user)
            .query::<()>(&mut platform.redis_connection()?)?;
        Ok(reply.text_at("/order_id").to_owned())
    }

    /// A purchase of another system that has failed on its last attempt.
    fn given_up(&self) -> Result<i64> {
        let (platform, user, product) = (self.shop.platform, self.user, self.shop.redis);
        let message = json!({
            "user_id": user, "product_id": product, "quantity": 1, "unit_price": 99.99, "seckill_id": "seckill_001",
            "timestamp": "2026-11-21T10:00:00Z",
        });
        platform.sql(&format!(
            "INSERT INTO inventory.order_failures (source, message_id, user_id, product_id, message_data, error_message, \
             retry_count, status, next_retry_at, created_at, updated_at) \
             VALUES ('kafka', 'step-{user}', {user}, {product}, '{message}', 'a test', 5, 3, 1, 1, 1)"
        ))?;
        platform.number(&format!(
            "SELECT id FROM inventory.order_failures WHERE message_id = 'step-{user}'"
        ))
    }

    fn sale(&self) -> Result<&Sale> {
        self.sale.get().context("no sale yet")
    }

    fn order(&self) -> &str {
        self.order.as_deref().unwrap_or_default()
    }

    fn pay(&self, api: &Client) -> Result<Reply> {
        let order = self.order();
        let body = json!({ "payment_id": format!("pay-{order}") });
        api.post(&format!("/v1/order/{order}/pay"), &body)
    }

    fn set_status(&self, api: &Client, status: &str) -> Result<Reply> {
        let path = format!("/api/v1/orders/{}/status", self.order());
        api.put(&path, &json!({ "status": status }))
    }

    /// Sends the request once, or prepares in the databases what the relay will do by itself.
    pub fn send(&self, api: &Client) -> Result<Option<Reply>> {
        let (platform, user) = (self.shop.platform, self.user);
        let create = |product| {
            let body = order_body(user, product, 1);
            api.post_once("/v1/order/create", &self.key, &body)
        };
        let reply = match self.work {
            Work::CreateInRedis => create(self.shop.redis),
            Work::CreateInDatabase => create(self.shop.database),
            Work::Accept => {
                let body = order_body(user, self.shop.redis, 1);
                api.post_later("/v1/order/create", &self.key, &body)
            }
            Work::Pay => self.pay(api),
            Work::Cancel => api.post(&format!("/v1/order/{}/cancel", self.order()), &json!({})),
            Work::Ship => self.set_status(api, "shipped"),
            Work::Complete => self.set_status(api, "completed"),
            Work::Announce => {
                let body = json!({
                    "product_id": self.shop.redis, "price": sale::SALE_PRICE, "stock": 1,
                    "starts_at": sale::now_ms() + 3_600_000, "ends_at": sale::now_ms() + 7_200_000,
                });
                api.post("/api/v1/seckill/activities", &body)
            }
            Work::Preheat => api.post(
                "/api/v1/seckill/preheat",
                &json!({ "seckill_id": self.sale()?.id }),
            ),
            Work::Token => sale::token(api, self.sale()?, user),
            Work::Buy | Work::BuyTwice => sale::buy(api, user, &self.token, 1),
            Work::Retry => {
                let path = format!("/api/v1/failures/{}/retry", self.failure);
                api.send("POST", &path, &[], "")
            }
            Work::Expire => {
                let shard = user % SHARDS;
                platform.sql(&format!(
                    "UPDATE order_{shard}.t_order SET payable_at = 1 WHERE id = {}",
                    self.order()
                ))?;
                return Ok(None);
            }
            Work::Orphan => {
                let (order, product) = (self.order(), self.shop.database);
                // Old enough for the next sweep.
                let at = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED) - 30000";
                platform.sql(&format!(
                    "START TRANSACTION; \
                     UPDATE inventory.t_inventory SET available_stock = available_stock - 1, locked_stock = locked_stock + 1, \
                     version = version + 1 WHERE product_id = {product}; \
                     INSERT INTO inventory.t_stock_log (order_id, product_id, quantity, stock_mode, state, created_at, updated_at) \
                     VALUES ({order}, {product}, 1, 1, 1, {at}, {at}); COMMIT"
                ))?;
                return Ok(None);
            }
            Work::Restock => goods::change(api, self.goods, &self.key, goods::MORE),
            Work::Correct | Work::CorrectInDatabase => {
                goods::change(api, self.goods, &self.key, goods::FEWER)
            }
            Work::Reprice => goods::reprice(api, self.goods),
            Work::Abandoned => {
                goods::abandon(platform, self.goods, &self.key)?;
                return Ok(None);
            }
            Work::EndOfSale => {
                const ENDS_IN_MS: i64 = 2_000;
                let sale = platform.announce(10, 1, -1_000, ENDS_IN_MS)?;
                platform.preheat(&sale)?.expect(200)?;
                self.sale.get_or_init(|| sale);
                return Ok(None);
            }
        };
        reply.map(Some)
    }

    /// The final status of its order.
    fn end(&self) -> Option<&'static str> {
        match self.work {
            Work::CreateInRedis
            | Work::CreateInDatabase
            | Work::Accept
            | Work::Buy
            | Work::BuyTwice => Some("pending"),
            Work::Pay => Some("paid"),
            Work::Ship => Some("shipped"),
            Work::Complete => Some("completed"),
            Work::Cancel | Work::Expire => Some("cancelled"),
            _ => None,
        }
    }

    /// Repeats the request, as its client would, until it is done.
    pub fn finish(&mut self) -> Result<()> {
        let what = format!("{self}");
        wait_ok(DONE_WITHIN, &what, || self.once_more())
    }

    fn once_more(&mut self) -> Result<()> {
        let api = &self.shop.platform.api;
        let by_itself = matches!(
            self.work,
            Work::BuyTwice
                | Work::Expire
                | Work::Orphan
                | Work::EndOfSale
                | Work::Retry
                | Work::Abandoned
        );
        if !by_itself && let Some(reply) = self.send(api)? {
            if reply.status / 100 == 2
                && let Some(order) = reply.body["order_id"].as_str()
            {
                let before = self.order.get_or_insert_with(|| order.to_owned());
                ensure!(before == order, "a repeat of order {before} gave {order}");
            }
            let changes = matches!(
                self.work,
                Work::Pay | Work::Cancel | Work::Ship | Work::Complete
            );
            // A refused change may have been done before; the order's status is checked below.
            ensure!(
                reply.status / 100 == 2 || (changes && reply.status == 409),
                "{} {}",
                reply.status,
                reply.text
            );
        }
        if let Some(end) = self.end() {
            let seen = api
                .get(&format!("/v1/order/{}", self.order()))?
                .expect(200)?;
            ensure!(seen.text_at("/order/status") == end, "{}", seen.text);
        }
        Ok(())
    }

    /// Checks the databases once the platform rests.
    pub fn hold(&self) -> Result<()> {
        let platform = self.shop.platform;
        let orders = platform.orders_of(self.user)?;
        let wanted = i64::from(self.end().is_some() || self.work == Work::Retry);
        ensure!(orders == wanted, "{self}: {orders} orders");
        if self.end().is_some() {
            let shard = self.user % SHARDS;
            let stored = platform.sql(&format!(
                "SELECT id FROM order_{shard}.t_order WHERE user_id = {}",
                self.user
            ))?;
            ensure!(
                stored.trim() == self.order(),
                "{self}: stored as {stored}, answered as {}",
                self.order()
            );
        }
        match self.work {
            Work::Preheat => {
                let rows = platform.stock_rows(self.sale()?.product)?;
                ensure!(rows == ["50 0 0", "10 0 0"], "{self}: {rows:?}");
            }
            Work::EndOfSale => {
                let rows = platform.stock_rows(self.sale()?.product)?;
                ensure!(rows == ["60 0 0", "0 0 0"], "{self}: {rows:?}");
            }
            _ => self.hold_goods().with_context(|| format!("{self}"))?,
        }
        Ok(())
    }

    fn hold_goods(&self) -> Result<()> {
        let (platform, goods) = (self.shop.platform, self.goods);
        match self.work {
            Work::Restock => goods::changed_once(platform, goods, goods::MORE),
            Work::Correct | Work::CorrectInDatabase => {
                goods::changed_once(platform, goods, goods::FEWER)
            }
            Work::Abandoned => goods::changed_once(platform, goods, 0),
            Work::Reprice => goods::has_new_price(platform, goods),
            _ => Ok(()),
        }
    }

    /// Ages a failure's claim: that of a dead relay is taken over after five minutes.
    pub fn let_time_pass(&self) -> Result<()> {
        if self.work != Work::Retry {
            return Ok(());
        }
        let aged = format!(
            "UPDATE inventory.order_failures SET updated_at = 1 WHERE id = {} AND status = 1",
            self.failure
        );
        self.shop.platform.sql(&aged).map(drop)
    }

    /// Whether the relay has finished what it does by itself.
    pub fn is_over(&self) -> Result<()> {
        self.let_time_pass()?;
        let platform = self.shop.platform;
        let done = match self.work {
            Work::Retry => format!(
                "SELECT status = 2 FROM inventory.order_failures WHERE id = {}",
                self.failure
            ),
            Work::BuyTwice => format!(
                "SELECT COUNT(*) = 1 FROM inventory.order_failures WHERE user_id = {} AND status = 3",
                self.user
            ),
            Work::Orphan => format!(
                "SELECT COUNT(*) = 0 FROM inventory.t_stock_log WHERE order_id = {}",
                self.order()
            ),
            Work::EndOfSale => format!(
                "SELECT SUM(available_stock) = 60 FROM inventory.t_inventory WHERE product_id = {} AND sku_id = 0",
                self.sale()?.product
            ),
            Work::Abandoned => return goods::is_free(platform, self.goods),
            _ => return Ok(()),
        };
        if platform.number(&done)? != 1 {
            bail!("{self}: not yet");
        }
        Ok(())
    }
}

impl std::fmt::Display for Errand<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Errand {
            work, user, key, ..
        } = self;
        write!(f, "{work:?} of {user} under {key}")
    }
}
