//! Orders in their shard: read with their items, inserted with items and outbox row in one transaction.

use crate::order_row::{self, ORDER_WIDTH};
use crate::shard_clock;
use contract::store::sql;
use contract::wire::event::OrderEvent;
use contract::wire::message;
use domain::{Ms, Order, OrderId, UserId};
use guest::Fault;
use guest::mysql::{Db, Value, optional_text, text};
use guest::mysql_error::Kind;
use guest::transaction::{self, AT_ONCE, End, Plan, Stop};
use std::sync::LazyLock;
use std::time::Instant;

/// Hashes by which the database recognises a repeated request, also where Redis has forgotten it.
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    /// Of the caller's key, unique per user; `None` for requests without one, which may be repeated on purpose.
    pub key: Option<[u8; 16]>,
    /// Of what is ordered, to tell a repeat from a reuse of the key.
    pub payload: [u8; 16],
}

/// An order that a key has made already.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    /// Of the order.
    pub id: OrderId,
    /// Whether the request that made it asked for the same.
    pub same_payload: bool,
}

/// How an insert ended.
#[derive(Debug)]
pub enum Inserted {
    /// Committed.
    Done,
    /// The id (or its order number) exists: Redis lost data and minted it twice.
    IdTaken,
    /// The user's key has made an order already.
    KeyTaken,
    /// The database refused the row as too late.
    TooLate,
    /// Certainly not committed.
    Failed(Fault),
    /// The answer was lost: it may be committed.
    Unknown(Fault),
}

/// Inserts an order of version 1 with its event, before `deadline`: after it the units reserved for the order may go to
/// others. The database refuses later inserts by its own clock, as this host may freeze on the way.
pub async fn insert(
    db: Db<'_>,
    order: &Order,
    guard: Guard,
    trace_id: &str,
    deadline: Instant,
) -> Inserted {
    let event = OrderEvent::created(order, Some(trace_id));
    let mut latest = shard_clock::latest(db, order.id, deadline);
    let mut has_asked = false;
    loop {
        let plan = match creation(order, guard, latest, &event) {
            Ok(plan) => plan,
            Err(fault) => return Inserted::Failed(fault),
        };
        let error = match transaction::run(db, &plan, AT_ONCE).await {
            End::Done(()) => return Inserted::Done,
            End::Unknown(error) => return Inserted::Unknown(error.into()),
            End::Refused(Stop::Sql(error)) => error,
            End::Refused(stop) => return Inserted::Failed(stop.into()),
        };
        match error.kind {
            Kind::Duplicate if error.text.contains("uk_user_idempotency") => {
                return Inserted::KeyTaken;
            }
            Kind::Duplicate => return Inserted::IdTaken,
            // The deadline came from the id, which Redis dated: its clock may differ from the database's. Once the
            // database's time is known, the insert is tried again.
            Kind::NullRefused if !has_asked && Instant::now() < deadline => {
                has_asked = true;
                latest = match shard_clock::ask(db, deadline).await {
                    Ok(latest) => latest,
                    Err(fault) => return Inserted::Failed(fault),
                };
            }
            Kind::NullRefused => return Inserted::TooLate,
            _ => return Inserted::Failed(error.into()),
        }
    }
}

/// The inserts of order, items and event.
fn creation(order: &Order, guard: Guard, latest: Ms, event: &OrderEvent) -> Result<Plan, Fault> {
    let mut plan = Plan::new();
    plan.execute(sql::INSERT_ORDER, order_values(order, guard, latest));
    let items = item_values(order);
    plan.insert(sql::INSERT_ITEMS, sql::ITEM_PARAMETERS, "", items);
    add_event(&mut plan, event, message::ORDER_CREATED)?;
    Ok(plan)
}

/// Adds the outbox row of an event to a transaction; the relay publishes it to `topic`.
///
/// # Errors
/// Where the event cannot be written as JSON.
pub fn add_event(plan: &mut Plan, event: &OrderEvent, topic: &str) -> Result<(), Fault> {
    let payload =
        serde_json::to_string(event).map_err(|error| Fault::Internal(error.to_string()))?;
    let values = vec![
        text(&event.message_id),
        text(&event.order.id),
        text(topic),
        text(event.event_type.name()),
        Value::Str(payload),
        Value::Uint64(event.occurred_at),
        Value::Uint64(event.occurred_at),
    ];
    plan.execute(sql::INSERT_MESSAGE, values);
    Ok(())
}

fn order_values(order: &Order, guard: Guard, latest: Ms) -> Vec<Value> {
    vec![
        Value::Uint64(order.id.get()),
        Value::Uint64(order.user.id.get()),
        optional_text(order.user.reference.as_deref()),
        Value::Str(order.id.order_no()),
        Value::Int64(order.total.get()),
        Value::Int64(order.discount.get()),
        Value::Int64(order.actual.get()),
        optional_text(order.payment_method.as_deref()),
        optional_text(order.shipping_address.as_deref()),
        optional_text(order.remark.as_deref()),
        guard
            .key
            .map_or(Value::DbNull, |key| Value::Binary(key.to_vec())),
        Value::Binary(guard.payload.to_vec()),
        Value::Uint64(latest),
        Value::Uint64(order.created_at),
        Value::Uint64(order.updated_at),
    ]
}

fn item_values(order: &Order) -> Vec<Value> {
    let mut values = Vec::with_capacity(order.items.len() * sql::ITEM_PARAMETERS);
    for item in &order.items {
        values.extend([
            Value::Uint64(order.id.get()),
            Value::Uint64(item.product.0),
            Value::Uint64(item.sku.0),
            text(&item.name),
            optional_text(item.image.as_deref()),
            Value::Int64(item.price.get()),
            Value::Uint32(item.quantity),
            Value::Int64(item.subtotal.get()),
            Value::Uint8(item.stock_mode.code()),
            optional_text(item.foreign_sale.as_deref()),
            Value::Uint64(order.created_at),
        ]);
    }
    values
}

/// An order's columns, then an item's: one row per item.
static SELECT_ORDER: LazyLock<String> = LazyLock::new(|| {
    let columns = |prefix: &str, list: &str| {
        list.split(", ")
            .map(|column| format!("{prefix}.{column}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    format!(
        "SELECT {}, {} FROM t_order o JOIN t_order_item i ON i.order_id = o.id WHERE o.id = ? ORDER BY i.id",
        columns("o", sql::ORDER_COLUMNS),
        columns("i", sql::ITEM_COLUMNS)
    )
});

/// The order with its items, in one round trip; `None` where the shard has none.
///
/// # Errors
/// Where the shard is away or a row cannot be read.
pub async fn load(db: Db<'_>, id: OrderId) -> Result<Option<Order>, Fault> {
    let rows = db
        .query(&SELECT_ORDER, vec![Value::Uint64(id.get())])
        .await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let mut order = order_row::order(first)?;
    for row in &rows {
        order.items.push(order_row::item(row, ORDER_WIDTH)?.1);
    }
    Ok(Some(order))
}

/// Whether the order is there; waits for an insert of it that is not committed yet.
///
/// # Errors
/// Where the shard is away.
pub async fn exists_for_certain(db: Db<'_>, id: OrderId) -> Result<bool, Fault> {
    let rows = db
        .query(
            "SELECT id FROM t_order WHERE id = ? FOR UPDATE",
            vec![Value::Uint64(id.get())],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// The order that the guard's key has made, also where Redis has forgotten it; `None` where there is none, or no key.
///
/// # Errors
/// Where the shard is away.
pub async fn made(db: Db<'_>, user: UserId, guard: Guard) -> Result<Option<Made>, Fault> {
    let Some(key) = guard.key else {
        return Ok(None);
    };
    let statement =
        "SELECT id, request_hash FROM t_order WHERE user_id = ? AND idempotency_key = ?";
    let parameters = vec![Value::Uint64(user.get()), Value::Binary(key.to_vec())];
    let rows = db.query(statement, parameters).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let id = OrderId::new(row.u64(0)?)
        .ok_or_else(|| Fault::Internal("an order without an id".to_owned()))?;
    let same_payload = row.optional_bytes(1)?.as_deref() == Some(&guard.payload[..]);
    Ok(Some(Made { id, same_payload }))
}
