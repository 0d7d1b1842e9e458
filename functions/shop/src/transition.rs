//! Moves an order from state to state: compare-and-set and outbox row in one transaction, then the cache.

use crate::payment::Payment;
use crate::{order_cache, order_store, provider, queued};
use contract::store::{redis as keys, sql};
use contract::wire::event::OrderEvent;
use contract::wire::message;
use domain::order::{Actor, Step, steps};
use domain::{Cents, Order, OrderId, Rejection, Status, UserId};
use futures::future::join;
use guest::Fault;
use guest::config::Config;
use guest::log::{self, Level};
use guest::mysql::{Db, Value, optional_ms, optional_text};
use guest::mysql_error::Kind;
use guest::redis::Redis;
use guest::transaction::{self, End, Plan, Stop};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    /// Of the order.
    pub id: OrderId,
    /// Wanted state.
    pub to: Status,
    /// Decides which transitions are allowed.
    pub actor: Actor,
    /// The user that the request names; the order must be theirs. `None` where it names nobody.
    pub owner: Option<UserId>,
    /// Kept with a cancellation.
    pub reason: Option<&'a str>,
    /// The provider's id, kept with a payment; other changes ignore it.
    pub payment_id: Option<&'a str>,
    /// What was paid, as it is reported; other changes ignore it.
    pub amount: Option<Cents>,
    /// Of the request; goes into the events.
    pub trace_id: &'a str,
}

/// Attempts where others change the same order at the same time.
const ATTEMPTS_MAX: u32 = 4;

/// Makes the change and gives the order after it. A repeated payment with the same payment id changes nothing and is no
/// error.
///
/// # Errors
/// Where there is no such order of the owner, it is still queued, the transition is not allowed, the payment has paid
/// another order, or Redis or the shard is away.
pub async fn change(config: &Config, change: Change<'_>) -> Result<Order, Fault> {
    let redis = Redis::open(&config.redis_url).await?;
    let db = Db::at(config.shard_url(change.id.gene()));
    for _ in 0..ATTEMPTS_MAX {
        // The old state is evicted before the new one is written: with Redis away nothing changes, as readers would
        // see the old state until it expires.
        let (forgotten, found) = join(
            order_cache::forget(&redis, change.id),
            order_store::load(db, change.id),
        )
        .await;
        forgotten?;
        let order = match found? {
            Some(order) => order,
            None => written_meanwhile(&redis, db, change.id, change.owner).await?,
        };
        if change.owner.is_some_and(|owner| owner != order.user.id) {
            return Err(Rejection::UnknownOrder(change.id.to_string()).into());
        }
        if is_repeated_payment(&order, &change) {
            return match change.amount.is_none_or(|amount| amount == order.actual) {
                true => Ok(order),
                false => Err(amount_differs(&order, &change).into()),
            };
        }
        let payment = payment(&change)?;
        let steps = steps(order.id, order.status, change.to, change.actor);
        if let Some(payment) = payment {
            payment.take_in(config, steps.is_ok()).await?;
        }
        let covered = match (change.to, change.amount) {
            (Status::Paid, Some(amount)) if amount != order.actual => {
                Err(amount_differs(&order, &change))
            }
            _ => Ok(()),
        };
        let steps = match steps.and_then(|steps| covered.map(|()| steps)) {
            Ok(steps) => steps,
            Err(rejection) => {
                // The payment was made, and can never pay this order.
                if let Some(payment) = payment {
                    payment.refund(config, &rejection.to_string()).await?;
                }
                return Err(rejection.into());
            }
        };
        if let Some(changed) = attempt(db, order, &steps, &change).await? {
            publish(config, &redis, &changed).await;
            return Ok(changed);
        }
    }
    Err(Fault::Unavailable {
        backend: "mysql",
        reason: format!("order {} is changed by many at once", change.id),
    })
}

/// The order that the database did not have a moment ago. One that is still queued cannot be changed yet.
async fn written_meanwhile(
    redis: &Redis,
    db: Db<'_>,
    id: OrderId,
    owner: Option<UserId>,
) -> Result<Order, Fault> {
    let waiting = queued::waiting(redis, id).await?;
    // Read after the queue: what has left the queue is in the database.
    if let Some(order) = order_store::load(db, id).await? {
        return Ok(order);
    }
    let visible = waiting.is_some_and(|waiting| owner.is_none_or(|owner| owner == waiting.user));
    Err(if visible {
        Rejection::StillQueued(id).into()
    } else {
        Rejection::UnknownOrder(id.to_string()).into()
    })
}

/// The order of its owner, if it can be paid or was paid by the provider.
///
/// # Errors
/// Where there is no such order of the owner, it is still queued, it cannot be paid, or Redis or the shard is away.
pub async fn payable(config: &Config, id: OrderId, owner: UserId) -> Result<Order, Fault> {
    let db = Db::at(config.shard_url(id.gene()));
    let order = match order_store::load(db, id).await? {
        Some(order) => order,
        None => {
            let redis = Redis::open(&config.redis_url).await?;
            written_meanwhile(&redis, db, id, Some(owner)).await?
        }
    };
    if order.user.id != owner {
        return Err(Rejection::UnknownOrder(id.to_string()).into());
    }
    let by_provider = order.payment_id.as_deref().and_then(provider::order_of) == Some(id);
    if !(by_provider && order.status.is_revenue()) {
        steps(order.id, order.status, Status::Paid, Actor::User)?;
    }
    Ok(order)
}

/// The payment that this change reports, where it has an id.
///
/// # Errors
/// Where the id is one of another order's payments, which would then have none.
fn payment<'a>(change: &Change<'a>) -> Result<Option<Payment<'a>>, Rejection> {
    let Some(id) = change.payment_id.filter(|_| change.to == Status::Paid) else {
        return Ok(None);
    };
    match provider::order_of(id) {
        Some(order) if order != change.id => Err(Rejection::PaymentUsed(id.to_owned())),
        _ => Ok(Some(Payment {
            id,
            order: change.id,
            amount: change.amount,
        })),
    }
}

fn amount_differs(order: &Order, change: &Change<'_>) -> Rejection {
    Rejection::PaymentAmount {
        paid: change.amount.unwrap_or_default(),
        due: order.actual,
    }
}

fn is_repeated_payment(order: &Order, change: &Change<'_>) -> bool {
    change.to == Status::Paid
        && change.payment_id.is_some()
        && order.payment_id.as_deref() == change.payment_id
}

/// One transaction; `None` where another change came first, or held the locks.
async fn attempt(
    db: Db<'_>,
    order: Order,
    steps: &[Step],
    change: &Change<'_>,
) -> Result<Option<Order>, Fault> {
    let (changed, plan) = planned(order, steps, change)?;
    match transaction::run(db, &plan, []).await {
        End::Refused(Stop::Unmet(_)) => Ok(None),
        End::Refused(Stop::Sql(error)) if error.kind == Kind::Retry => Ok(None),
        end => end.done().map(|()| Some(changed)),
    }
}

/// The order after all steps, and the statements that write it.
fn planned(mut order: Order, steps: &[Step], change: &Change<'_>) -> Result<(Order, Plan), Fault> {
    let mut plan = Plan::new();
    for step in steps {
        // The host's clock may be behind the one that dated the order.
        let now = guest::clock::now().max(order.updated_at);
        let before = order.version;
        order = order.after(*step, now, change.reason, change.payment_id);
        plan.change_one(sql::UPDATE_STATUS, values(&order, *step, before));
        let event = OrderEvent::changed(&order, *step, Some(change.trace_id));
        order_store::add_event(&mut plan, &event, message::ORDER_STATUS_CHANGED)?;
    }
    Ok((order, plan))
}

fn values(order: &Order, step: Step, version_before: u32) -> Vec<Value> {
    vec![
        Value::Uint8(order.status.code()),
        Value::Uint32(order.version),
        Value::Uint64(order.updated_at),
        optional_ms(order.paid_at),
        optional_ms(order.shipped_at),
        optional_ms(order.completed_at),
        optional_ms(order.cancelled_at),
        optional_text(order.payment_id.as_deref()),
        optional_text(order.cancel_reason.as_deref()),
        Value::Uint64(order.id.get()),
        Value::Uint8(step.from.code()),
        Value::Uint32(version_before),
    ]
}

/// Caches the order and wakes the relay. Failures are only logged: the relay caches the order again when it publishes.
async fn publish(config: &Config, redis: &Redis, order: &Order) {
    let shard = config.shards().shard_of(order.id.gene()).to_string();
    let cached = order_cache::put(redis, order).await;
    let woken = redis
        .command(
            "PUBLISH",
            [keys::OUTBOX_CHANNEL.as_bytes().to_vec(), shard.into_bytes()],
        )
        .await;
    if let Some(fault) = cached.err().or(woken.err()) {
        let message = format!("after the change of order {}: {fault}", order.id);
        log::write(Level::Warn, &message, &[]);
    }
}
