//! The named steps, in the order in which the code takes them.

use super::errand::Work::{self, *};
use contract::store::redis::{
    ADMIT, CACHE_PRODUCT, COMPLETE, ENQUEUE, RESERVE, SECKILL_BUY, SECKILL_CLOSE, SECKILL_LOAD,
    SECKILL_REFUND, SECKILL_TOKEN, SET_ASIDE, SETTLE_INTAKE, SYNC, Script, TAKE,
};
use stack::steps::{Action, Step, Steps};
use std::fmt;

/// The request that marks a step.
#[derive(Clone, Copy)]
pub enum Request {
    Sql(&'static str),
    /// In a transaction that contained the first text.
    After(&'static str, &'static str),
    Command(&'static str),
    Lua(Script),
    /// To Kafka.
    Bus(&'static str),
}

impl fmt::Debug for Request {
    /// A script is shown by its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sql(text) | Command(text) | Bus(text) => write!(f, "{text:?}"),
            After(before, text) => write!(f, "{text:?} after {before:?}"),
            Lua(script) => write!(f, "{}.lua", script.name),
        }
    }
}

use Request::{After, Bus, Command, Lua, Sql};

/// Proxies of one process.
pub struct Doors<'a> {
    pub mysql: Steps,
    pub redis: Steps,
    pub kafka: Option<&'a Steps>,
}

impl Doors<'_> {
    /// `None` for a server that this process does not use.
    pub fn arm(&self, request: Request, action: Action) -> Option<Step> {
        Some(match request {
            Sql(text) => self.mysql.at(text, 0, action),
            After(before, text) => self.mysql.at_after(before, text, action),
            Command(text) => self.redis.at(text, 0, action),
            Lua(script) => {
                let digest = sha1_smol::Sha1::from(script.text).digest().to_string();
                self.redis.at(&digest, 0, action)
            }
            Bus(text) => self.kafka?.at(text, 0, action),
        })
    }
}

const ORDER: &str = "INSERT INTO t_order (";
const ITEMS: &str = "INSERT INTO t_order_item";
const EVENT: &str = "INSERT INTO t_local_message";
const RESERVATION: &str = "INSERT INTO t_stock_log";
const UNITS: &str = "UPDATE t_inventory";
const STATUS: &str = "UPDATE t_order SET status";
const CHANGE: &str = "INSERT INTO t_stock_change";
const PRODUCT: &str = "UPDATE products SET";

/// Steps of a host whose MySQL accepts no blocks, each with the work that takes it.
pub const HOST: [(Work, Request); 42] = [
    (CreateInRedis, Lua(ADMIT)),
    (CreateInRedis, Lua(RESERVE)),
    (CreateInRedis, Sql(ORDER)),
    (CreateInRedis, Sql(ITEMS)),
    (CreateInRedis, Sql(EVENT)),
    (CreateInRedis, After(EVENT, "COMMIT")),
    (CreateInRedis, Lua(COMPLETE)),
    (CreateInDatabase, Sql(RESERVATION)),
    (CreateInDatabase, Sql(UNITS)),
    (CreateInDatabase, After(UNITS, "COMMIT")),
    (CreateInDatabase, After(EVENT, "COMMIT")),
    (CreateInDatabase, Lua(COMPLETE)),
    (Accept, Lua(RESERVE)),
    (Accept, Lua(ENQUEUE)),
    (Pay, Sql("INSERT INTO t_payment")),
    (Pay, Sql(STATUS)),
    (Pay, After(STATUS, "COMMIT")),
    (Cancel, Sql(STATUS)),
    (Cancel, Sql(EVENT)),
    (Cancel, After(STATUS, "COMMIT")),
    (Ship, After(STATUS, "COMMIT")),
    (Complete, After(STATUS, "COMMIT")),
    (Announce, Sql("INSERT INTO seckill_activity")),
    (Announce, After("INSERT INTO seckill_activity", "COMMIT")),
    (Preheat, Lua(SET_ASIDE)),
    (Preheat, Sql(UNITS)),
    (Preheat, After(UNITS, "COMMIT")),
    (Preheat, Lua(SECKILL_LOAD)),
    (Token, Lua(SECKILL_TOKEN)),
    (Buy, Lua(SECKILL_BUY)),
    (Restock, Sql(UNITS)),
    (Restock, Sql(CHANGE)),
    (Restock, After(CHANGE, "COMMIT")),
    (Restock, Lua(SYNC)),
    (Correct, Lua(TAKE)),
    (Correct, Sql(UNITS)),
    (Correct, After(CHANGE, "COMMIT")),
    (Correct, Lua(SYNC)),
    (CorrectInDatabase, After(CHANGE, "COMMIT")),
    (Reprice, Sql(PRODUCT)),
    (Reprice, After(PRODUCT, "COMMIT")),
    (Reprice, Lua(CACHE_PRODUCT)),
];

/// Transactions of a host that are a single statement.
pub const BLOCKS: [(Work, Request); 10] = [
    (CreateInRedis, After(ORDER, "COMMIT")),
    (CreateInDatabase, After(RESERVATION, "COMMIT")),
    (CreateInDatabase, After(ORDER, "COMMIT")),
    (Pay, After(STATUS, "COMMIT")),
    (Cancel, After(STATUS, "COMMIT")),
    (Ship, After(STATUS, "COMMIT")),
    (Complete, After(STATUS, "COMMIT")),
    (Preheat, After(UNITS, "COMMIT")),
    (Restock, After(CHANGE, "COMMIT")),
    (Correct, After(CHANGE, "COMMIT")),
];

const LEASE: &str = "UPDATE t_local_message SET lease_owner";
const SETTLED: &str = "UPDATE t_local_message SET status";
const CONSUMED: &str = "INSERT INTO t_message_consume_log";
const EXPIRED: &str = "AND payable_at <";
const FORGOTTEN: &str = "DELETE FROM t_stock_log";
const FAILURE: &str = "INSERT INTO order_failures";
const UNSOLD: &str = "UPDATE t_inventory SET available_stock = ?, seeded_stock";

/// The sweep's own.
const RELEASE_OLD: Script = Script {
    name: "release_old",
    text: include_str!("../../../../relay-worker/src/loops/sweep/release_old.lua"),
};

/// Steps of a relay that owns no partitions, so that none have to be reassigned before the next fault.
pub const RELAY: [(Work, Request); 24] = [
    (CreateInRedis, Sql("SELECT id, tx_id, GREATEST(")),
    (CreateInRedis, Sql(LEASE)),
    (CreateInRedis, After(LEASE, "COMMIT")),
    (CreateInRedis, Sql(SETTLED)),
    (CreateInRedis, After(SETTLED, "COMMIT")),
    (Accept, Command("XREADGROUP")),
    (Accept, Sql(ORDER)),
    (Accept, Sql(EVENT)),
    (Accept, After(EVENT, "COMMIT")),
    (Accept, Command("DEL {u")),
    (Accept, Lua(SETTLE_INTAKE)),
    (Buy, After(EVENT, "COMMIT")),
    (Buy, Lua(SETTLE_INTAKE)),
    (BuyTwice, Lua(SECKILL_REFUND)),
    (BuyTwice, Sql(FAILURE)),
    (BuyTwice, After(FAILURE, "COMMIT")),
    (
        Retry,
        Sql("UPDATE order_failures SET status = ?, retry_count = ?, updated_at"),
    ),
    (
        Retry,
        Sql("UPDATE order_failures SET status = ?, retry_count = ?, next_retry_at"),
    ),
    (Expire, After(EXPIRED, "COMMIT")),
    (Orphan, After(FORGOTTEN, "COMMIT")),
    (EndOfSale, Lua(SECKILL_CLOSE)),
    (EndOfSale, After(UNSOLD, "COMMIT")),
    (Abandoned, Sql("FROM t_stock_change WHERE")),
    (Abandoned, Lua(RELEASE_OLD)),
];

/// Steps of a relay that consumes stock moves.
pub const STOCK: [(Work, Request); 9] = [
    (CreateInRedis, Sql(CONSUMED)),
    (CreateInRedis, Sql("FROM t_inventory FORCE INDEX")),
    (CreateInRedis, Sql("UPDATE t_inventory i JOIN")),
    (CreateInRedis, Sql("INTO t_stock_log")),
    (CreateInRedis, After(CONSUMED, "COMMIT")),
    (CreateInRedis, Lua(SYNC)),
    (CreateInRedis, Sql("SET confirmed_at")),
    (CreateInDatabase, After(CONSUMED, "COMMIT")),
    (Cancel, After(CONSUMED, "COMMIT")),
];

/// Steps with Kafka as the broker.
pub const BUS: [(Work, Request); 2] = [
    (CreateInRedis, Bus("Produce")),
    (CreateInRedis, Bus("OffsetCommit")),
];

/// Steps at which a relay is frozen. The first relay owns the partitions; the others need none.
pub const FROZEN: [(Work, Request); 6] = [
    (CreateInRedis, After(CONSUMED, "COMMIT")),
    (CreateInRedis, Bus("Produce")),
    (CreateInRedis, After(LEASE, "COMMIT")),
    (Accept, After(EVENT, "COMMIT")),
    (Buy, Lua(SETTLE_INTAKE)),
    (Orphan, After(FORGOTTEN, "COMMIT")),
];
