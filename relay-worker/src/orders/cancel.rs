//! Cancels pending orders on behalf of the platform: the unpaid, and those that the inventory database lacks stock for.

use super::read::{Which, orders};
use crate::clients::database::assembled;
use anyhow::ensure;
use contract::store::sql::{INSERT_MESSAGES, MESSAGE_PARAMETERS, UPDATE_STATUS, rows};
use contract::wire::event::OrderEvent;
use contract::wire::message::ORDER_STATUS_CHANGED;
use domain::order::{Actor, Step, steps};
use domain::{Ms, Order, OrderId, Status};
use sqlx::{MySql, Transaction};

/// Cancels those of `ids` that are pending, in the caller's transaction; returns them as they are afterwards. Others
/// were paid or cancelled before, and are not changed.
///
/// # Errors
/// Where the database fails; then the transaction must be rolled back.
pub async fn cancel_pending(
    tx: &mut Transaction<'_, MySql>,
    ids: &[OrderId],
    reason: impl Fn(OrderId) -> String,
    now: Ms,
) -> anyhow::Result<Vec<Order>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut cancelled = Vec::new();
    let mut events = Vec::new();
    for order in orders(tx, Which::Pending(ids)).await? {
        let mut order = order;
        for step in steps(order.id, order.status, Status::Cancelled, Actor::System)? {
            let (id, before) = (order.id, order.version);
            let at = now.max(order.updated_at);
            order = order.after(step, at, Some(&reason(id)), None);
            update(tx, &order, step, before).await?;
            events.push(OrderEvent::changed(&order, step, None));
        }
        cancelled.push(order);
    }
    insert_events(tx, &events).await?;
    Ok(cancelled)
}

async fn update(
    tx: &mut Transaction<'_, MySql>,
    order: &Order,
    step: Step,
    before: u32,
) -> anyhow::Result<()> {
    let changed = sqlx::query(UPDATE_STATUS)
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
        .execute(&mut **tx)
        .await?
        .rows_affected();
    ensure!(changed == 1, "order {} changed under its lock", order.id);
    Ok(())
}

async fn insert_events(
    tx: &mut Transaction<'_, MySql>,
    events: &[OrderEvent],
) -> anyhow::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "{INSERT_MESSAGES}{}",
        rows(events.len(), MESSAGE_PARAMETERS)
    );
    let mut query = sqlx::query(assembled(sql));
    for event in events {
        query = query
            .bind(&event.message_id)
            .bind(&event.order.id)
            .bind(ORDER_STATUS_CHANGED)
            .bind(event.event_type.name())
            .bind(serde_json::to_string(event)?)
            .bind(event.occurred_at)
            .bind(event.occurred_at);
    }
    query.execute(&mut **tx).await?;
    Ok(())
}
