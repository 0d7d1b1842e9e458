//! Replies of Redis and MySQL in the platform's formats; error texts as hosts write them.

use crate::bindings::mysql::DbValue;
use crate::bindings::redis::RedisResult;
use crate::script::Answer;
use domain::id::EPOCH_MS;
use domain::{
    Amounts, Cents, Ms, Order, OrderId, OrderItem, ProductId, SkuId, Status, StockMode, User,
    UserId,
};
use std::time::{SystemTime, UNIX_EPOCH};

/// The buyer of these tests: odd, so in shard 1.
pub const USER: u64 = 7;

pub fn now() -> Ms {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as Ms
}

/// The id minted `age` ms ago, with this sequence number.
pub fn minted(age: Ms, sequence: u64) -> OrderId {
    let tick = (now() - age - EPOCH_MS) * 4096 + sequence;
    OrderId::compose(tick, UserId::new(USER).gene()).unwrap()
}

pub fn text(text: impl ToString) -> RedisResult {
    RedisResult::Binary(text.to_string().into_bytes())
}

pub fn integer(number: i64) -> Answer {
    Answer::Redis(vec![RedisResult::Int64(number)])
}

/// `SET` stored a value.
pub fn stored() -> Answer {
    Answer::Redis(vec![RedisResult::Status("OK".to_owned())])
}

/// Redis is away: a refused connection, as hosts report it.
pub fn redis_away() -> Answer {
    Answer::RedisError("Connection refused (os error 111)".to_owned())
}

/// A key or field that does not exist.
pub fn no_key() -> Answer {
    Answer::Redis(vec![RedisResult::Nil])
}

pub fn no_script() -> Answer {
    let text = "An error was signalled by the server - NoScriptError: No matching script. Please use EVAL.";
    Answer::RedisError(text.to_owned())
}

/// `admit` let the request in under this id.
pub fn admitted(id: OrderId) -> Answer {
    Answer::Redis(vec![text(now()), text("admitted"), text(id.tick())])
}

/// `admit` found the key held by an earlier request: `state` is `processing` or `completed`.
pub fn held(state: &str, id: OrderId, same_payload: bool, body: &str) -> Answer {
    Answer::Redis(vec![
        text(now()),
        text(state),
        text(id.tick()),
        RedisResult::Int64(i64::from(same_payload)),
        text(if body.is_empty() { "" } else { "200" }),
        text(body),
    ])
}

pub fn limited(wait: Ms) -> Answer {
    let wait = RedisResult::Int64(wait as i64);
    Answer::Redis(vec![text(now()), text("limited"), wait])
}

/// `reserve` took the units, at this price in cents.
pub fn reserved(price: i64) -> Answer {
    Answer::Redis(vec![text("ok"), text("键盘"), text(""), text(price)])
}

/// `reserve` left the product's stock to the database.
pub fn kept_in_database(price: i64) -> Answer {
    Answer::Redis(vec![text("db"), text("显卡"), text("gpu.png"), text(price)])
}

/// `reserve` refused: a status and its details.
pub fn refused(words: &[&str]) -> Answer {
    Answer::Redis(words.iter().map(text).collect())
}

pub fn rows(rows: impl IntoIterator<Item = Vec<DbValue>>) -> Answer {
    Answer::Rows(rows.into_iter().collect())
}

/// A statement refused with this error code, in the Debug form of the driver's error.
pub fn refused_by_mysql(code: u16, state: &str, message: &str) -> Answer {
    Answer::QueryFailed(format!(
        "Server(ServerError {{ code: {code}, message: {message:?}, state: {state:?} }})"
    ))
}

/// The same in its Display form.
pub fn refused_by_mysql_shown(code: u16, state: &str, message: &str) -> Answer {
    Answer::QueryFailed(format!("Server error: `ERROR {state} ({code}): {message}'"))
}

pub fn duplicate(key: &str) -> Answer {
    refused_by_mysql(
        1062,
        "23000",
        &format!("Duplicate entry '7' for key '{key}'"),
    )
}

pub fn deadlock() -> Answer {
    let message = "Deadlock found when trying to get lock; try restarting transaction";
    refused_by_mysql_shown(1213, "40001", message)
}

pub fn lock_wait() -> Answer {
    let message = "Lock wait timeout exceeded; try restarting transaction";
    refused_by_mysql(1205, "HY000", message)
}

/// The connection broke during a statement.
pub fn mysql_lost() -> Answer {
    Answer::QueryFailed("Input/output error: connection closed".to_owned())
}

pub fn mysql_away() -> Answer {
    Answer::ConnectionFailed("Connection refused (os error 111)".to_owned())
}

/// A product row: name, image, price, status, mode, updated_at.
pub fn product_row(price: i64, mode: StockMode) -> Vec<DbValue> {
    vec![
        DbValue::Str("键盘".to_owned()),
        DbValue::DbNull,
        DbValue::Int64(price),
        DbValue::Uint8(1),
        DbValue::Uint8(mode.code()),
        DbValue::Uint64(now()),
    ]
}

/// An order of one line: product 1, two units at 99.99.
pub fn order(id: OrderId, status: Status, version: u32) -> Order {
    let price = Cents::new(9999).unwrap();
    let total = price.times(2).unwrap();
    let at = id.minted_at();
    let reached = |wanted: Status| {
        (status != Status::Cancelled && status.code() >= wanted.code()).then_some(at)
    };
    let user = User {
        id: UserId::new(USER),
        reference: Some("user_7".to_owned()),
    };
    let item = OrderItem {
        product: ProductId(1),
        sku: SkuId(0),
        name: "键盘".to_owned(),
        image: None,
        price,
        quantity: 2,
        subtotal: total,
        stock_mode: StockMode::Redis,
        foreign_sale: None,
    };
    Order {
        status,
        version,
        payment_method: Some("alipay".to_owned()),
        payment_id: reached(Status::Paid).map(|_| "pay-1".to_owned()),
        paid_at: reached(Status::Paid),
        shipped_at: reached(Status::Shipped),
        completed_at: reached(Status::Completed),
        cancelled_at: (status == Status::Cancelled).then_some(at),
        ..Order::pending(id, user, vec![item], Amounts::undiscounted(total), at)
    }
}

fn optional_text(text: Option<&str>) -> DbValue {
    text.map_or(DbValue::DbNull, |text| DbValue::Str(text.to_owned()))
}

fn optional_ms(ms: Option<Ms>) -> DbValue {
    ms.map_or(DbValue::DbNull, DbValue::Uint64)
}

/// `ORDER_COLUMNS` of an order.
pub fn order_columns(order: &Order) -> Vec<DbValue> {
    vec![
        DbValue::Uint64(order.id.get()),
        DbValue::Uint64(order.user.id.get()),
        optional_text(order.user.reference.as_deref()),
        DbValue::Uint8(order.status.code()),
        DbValue::Uint32(order.version),
        DbValue::Int64(order.total.get()),
        DbValue::Int64(order.discount.get()),
        DbValue::Int64(order.actual.get()),
        optional_text(order.payment_method.as_deref()),
        optional_text(order.shipping_address.as_deref()),
        optional_text(order.remark.as_deref()),
        optional_text(order.payment_id.as_deref()),
        optional_text(order.cancel_reason.as_deref()),
        DbValue::Uint64(order.created_at),
        DbValue::Uint64(order.updated_at),
        optional_ms(order.paid_at),
        optional_ms(order.shipped_at),
        optional_ms(order.completed_at),
        optional_ms(order.cancelled_at),
    ]
}

/// `ITEM_COLUMNS` of each item of an order.
pub fn item_columns(order: &Order) -> Vec<Vec<DbValue>> {
    let row = |item: &OrderItem| {
        vec![
            DbValue::Uint64(order.id.get()),
            DbValue::Uint64(item.product.0),
            DbValue::Uint64(item.sku.0),
            DbValue::Str(item.name.clone()),
            optional_text(item.image.as_deref()),
            DbValue::Int64(item.price.get()),
            DbValue::Uint32(item.quantity),
            DbValue::Int64(item.subtotal.get()),
            DbValue::Uint8(item.stock_mode.code()),
            optional_text(item.foreign_sale.as_deref()),
        ]
    };
    order.items.iter().map(row).collect()
}

/// The order as the statement that loads all of it returns it: its columns before those of each item.
pub fn loaded(order: &Order) -> Answer {
    let head = order_columns(order);
    rows(
        item_columns(order)
            .into_iter()
            .map(|item| [head.clone(), item].concat()),
    )
}

/// No such row.
pub fn nothing() -> Answer {
    rows([])
}
