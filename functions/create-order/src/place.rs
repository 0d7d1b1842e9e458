//! The order of steps of placing an order, and what is undone where one fails (docs/ARCHITECTURE.md).
//! The rule: undo only what is certainly not committed; leave the rest to the repeat or the relay.

use super::admission::{Admission, Admitted, Enqueued};
use super::request::Request;
use super::{db_stock, reservation};
use contract::api::order::OrderView;
use contract::store::queued::QueuedOrder;
use domain::limits::INSERT_DEADLINE_MS;
use domain::order::amounts;
use domain::{Cents, Order, OrderId, OrderItem, Rejection, StockMode};
use futures::future::{Either, select};
use guest::config::Config;
use guest::log::{self, Level};
use guest::mysql::Db;
use guest::redis::Redis;
use guest::{Fault, clock, http};
use shop::order_store::{self, Guard, Inserted};
use shop::queued;
use std::pin::pin;
use std::time::{Duration, Instant};

/// A placed order as its reply needs it.
#[derive(Debug)]
pub struct Placed {
    pub order: OrderView,
    /// It was placed by an earlier request with the same key.
    pub replayed: bool,
    /// It is accepted and not in the database yet.
    pub queued: bool,
}

fn json(view: &OrderView) -> Result<String, Fault> {
    view.json()
        .map_err(|error| Fault::Internal(error.to_string()))
}

/// A response kept under a key, which is an order's JSON.
fn stored(body: &str) -> Result<OrderView, Fault> {
    serde_json::from_str(body)
        .map_err(|error| Fault::Internal(format!("the stored response is no order: {error}")))
}

/// How long a request looks for its order after the answer to its commit was lost: it has waited for that already.
const LOOK_MAX: Duration = Duration::from_millis(300);

/// Admissions one request may go through: ids minted twice, keys taken over.
const ADMISSIONS_MAX: u32 = 3;

/// Everything one attempt needs at hand.
struct Placing<'a> {
    redis: Redis,
    config: &'a Config,
    admission: Admission,
    request: &'a Request,
    trace_id: &'a str,
    /// Before its id was minted. Time passes for a request by no wall clock: those of Redis, of the databases and of
    /// this host may differ.
    began: Instant,
}

pub async fn place(config: &Config, request: &Request, trace_id: &str) -> Result<Placed, Fault> {
    let began = Instant::now();
    let redis = Redis::open(&config.redis_url).await?;
    let placing = Placing {
        began,
        redis,
        config,
        admission: Admission::of(request),
        request,
        trace_id,
    };
    for _ in 0..ADMISSIONS_MAX {
        let placed = match placing.admission.admit(&placing.redis, config).await? {
            Admitted::Replay { body, queued } => Some(Placed {
                order: stored(&body)?,
                replayed: true,
                queued,
            }),
            Admitted::TakeOver(earlier) => placing.take_over(earlier).await?,
            Admitted::Place(id) => placing.attempt(id).await?,
        };
        if let Some(placed) = placed {
            return Ok(placed);
        }
    }
    Err(Fault::Unavailable {
        backend: "redis",
        reason: "an order id was minted twice, again and again".to_owned(),
    })
}

impl Placing<'_> {
    /// One attempt under a fresh id; `None` asks to be admitted again.
    async fn attempt(&self, id: OrderId) -> Result<Option<Placed>, Fault> {
        if self.request.respond_async {
            return self.accept(id).await.map(Some);
        }
        let order = match self.reserve(id).await {
            Ok(order) => order,
            Err(fault) => return self.not_reserved(id, fault).await.map(Some),
        };
        match self.insert(&order).await {
            Inserted::Done => self.finish(id, &order, false).await.map(Some),
            Inserted::IdTaken => {
                self.undo(id, &order).await?;
                Ok(None)
            }
            Inserted::KeyTaken => {
                self.give_back(id, &order).await?;
                let made = self.made().await?;
                let made =
                    made.ok_or_else(|| Fault::Internal("a key clash without an order".to_owned()))?;
                self.replay(id, made).await.map(Some)
            }
            Inserted::TooLate => {
                self.undo(id, &order).await?;
                Err(Fault::Unavailable {
                    backend: "mysql",
                    reason: format!("order {id} came too late to be inserted"),
                })
            }
            Inserted::Failed(fault) => {
                self.undo(id, &order).await?;
                Err(fault)
            }
            Inserted::Unknown(fault) => self.after_lost_commit(id, fault).await.map(Some),
        }
    }

    /// Accepts the order for later, unless its key has made one: nothing but the shard knows that for certain.
    async fn accept(&self, id: OrderId) -> Result<Placed, Fault> {
        match self.made().await {
            Ok(None) => {}
            Ok(Some(made)) => return self.replay(id, made).await,
            // Accepting goes first: where the key has made one after all, the relay finds it and the id names that one.
            Err(fault @ Fault::Unavailable { .. }) => http::log(&fault, self.trace_id),
            Err(fault) => return self.refuse(id, fault).await,
        }
        match self.reserve(id).await {
            Ok(order) => self.enqueue(&order).await,
            Err(fault) => self.refuse(id, fault).await,
        }
    }

    /// What cannot be placed any more may have been placed before: a repeat is answered with that.
    async fn not_reserved(&self, id: OrderId, fault: Fault) -> Result<Placed, Fault> {
        if !matches!(fault, Fault::Rejected(_)) {
            return self.refuse(id, fault).await;
        }
        match self.made().await {
            Ok(Some(made)) => self.replay(id, made).await,
            Ok(None) => self.refuse(id, fault).await,
            Err(away) => self.refuse(id, away).await,
        }
    }

    /// Ends a request that made nothing.
    async fn refuse(&self, id: OrderId, fault: Fault) -> Result<Placed, Fault> {
        // Where Redis is away the units may still be taken: the key stays in `processing` and names the order, so that
        // a repeat or the relay returns them.
        if !matches!(
            fault,
            Fault::Unavailable {
                backend: "redis",
                ..
            }
        ) {
            self.admission.free(&self.redis, id).await?;
        }
        Err(fault)
    }

    /// Hands the order to the batch writer. Where Redis is away it may have been handed over: the key, or a repeat by
    /// the queued order, tells.
    async fn enqueue(&self, order: &Order) -> Result<Placed, Fault> {
        let late = Instant::now() > self.deadline();
        let view = QueuedOrder::view(order);
        let body = json(&view)?;
        let outcome = if late {
            // A repeat may be about to return the units.
            Enqueued::Refused("it came too late to be enqueued")
        } else {
            self.admission
                .enqueue(&self.redis, order, self.guard(), &body, self.trace_id)
                .await?
        };
        match outcome {
            Enqueued::Done => Ok(Placed {
                order: view,
                replayed: false,
                queued: true,
            }),
            Enqueued::Refused(reason) => {
                self.undo(order.id, order).await?;
                Err(Fault::Unavailable {
                    backend: "redis",
                    reason: format!("order {}: {reason}", order.id),
                })
            }
        }
    }

    fn guard(&self) -> Guard {
        Guard {
            key: self.request.key,
            payload: self.request.payload,
        }
    }

    /// Takes the units of every line and prices the order. Nothing stays taken on an error, but where a backend is
    /// away.
    async fn reserve(&self, id: OrderId) -> Result<Order, Fault> {
        let lines = &self.request.draft.lines;
        let items = reservation::reserve(&self.redis, self.config, id, lines).await?;
        let order = match self.order(id, items) {
            Ok(order) => order,
            Err(rejection) => {
                reservation::release(&self.redis, id, lines).await?;
                return Err(rejection.into());
            }
        };
        let reserved = db_stock::reserve(
            &self.config.inventory_url,
            id,
            &order.items,
            self.deadline(),
        );
        if let Err(fault) = reserved.await {
            reservation::release(&self.redis, id, lines).await?;
            return Err(fault);
        }
        Ok(order)
    }

    fn order(&self, id: OrderId, items: Vec<OrderItem>) -> Result<Order, Rejection> {
        let lines: Vec<(Cents, u32)> = items
            .iter()
            .map(|item| (item.price, item.quantity))
            .collect();
        let amounts = amounts(&lines, Cents::ZERO)?;
        let draft = &self.request.draft;
        let user = self.request.user.clone();
        Ok(Order {
            payment_method: draft.payment_method.clone(),
            shipping_address: draft.shipping_address.clone(),
            remark: draft.remark.clone(),
            ..Order::pending(id, user, items, amounts, id.minted_at())
        })
    }

    async fn insert(&self, order: &Order) -> Inserted {
        let guard = self.guard();
        order_store::insert(self.db(), order, guard, self.trace_id, self.deadline()).await
    }

    fn deadline(&self) -> Instant {
        self.began + Duration::from_millis(INSERT_DEADLINE_MS)
    }

    /// The user's shard.
    fn db(&self) -> Db<'_> {
        Db::at(self.config.shard_url(self.request.user.id.gene()))
    }

    /// The order stands: from here on nothing is an error for the caller.
    async fn finish(
        &self,
        admitted: OrderId,
        order: &Order,
        replayed: bool,
    ) -> Result<Placed, Fault> {
        let view = OrderView::from(order);
        let body = json(&view)?;
        if let Err(fault) = self
            .admission
            .complete(&self.redis, self.config, admitted, order, &body)
            .await
        {
            let message = format!(
                "order {} stands, its key is not completed: {fault}",
                order.id
            );
            log::write(Level::Warn, &message, &[("trace_id", self.trace_id)]);
        }
        Ok(Placed {
            order: view,
            replayed,
            queued: false,
        })
    }

    async fn give_back(&self, id: OrderId, order: &Order) -> Result<(), Fault> {
        if order
            .items
            .iter()
            .any(|item| item.stock_mode == StockMode::Db)
        {
            db_stock::release(&self.config.inventory_url, id).await?;
        }
        reservation::release(&self.redis, id, &self.request.draft.lines).await
    }

    async fn undo(&self, id: OrderId, order: &Order) -> Result<(), Fault> {
        self.give_back(id, order).await?;
        self.admission.free(&self.redis, id).await?;
        Ok(())
    }

    /// The order that the key has made, whatever Redis has forgotten, and whether by this payload.
    async fn made(&self) -> Result<Option<(OrderId, bool)>, Fault> {
        let (user, payload) = (self.request.user.id, self.request.payload);
        match self.request.key {
            Some(key) => order_store::by_key(self.db(), user, key, payload).await,
            None => Ok(None),
        }
    }

    /// Answers with the order that the key has made; with another payload it is refused.
    async fn replay(
        &self,
        admitted: OrderId,
        (made, same_payload): (OrderId, bool),
    ) -> Result<Placed, Fault> {
        if !same_payload {
            return self.refuse(admitted, Rejection::KeyReused.into()).await;
        }
        match order_store::load(self.db(), made).await {
            Ok(Some(order)) => self.finish(admitted, &order, true).await,
            Ok(None) => {
                let fault = Fault::Internal(format!("order {made} has no items"));
                self.refuse(admitted, fault).await
            }
            Err(fault) => self.refuse(admitted, fault).await,
        }
    }

    /// Looks once whether a commit whose answer was lost took effect. If that is not known soon, the key stays in
    /// `processing` and the units stay reserved: a repeat or the relay finds out.
    async fn after_lost_commit(&self, id: OrderId, lost: Fault) -> Result<Placed, Fault> {
        let looked = pin!(order_store::load(self.db(), id));
        match select(looked, pin!(clock::sleep(LOOK_MAX))).await {
            Either::Left((Ok(Some(order)), _)) => self.finish(id, &order, false).await,
            _ => Err(lost),
        }
    }

    /// The request that holds the key stopped halfway and can insert no more: its order is replayed, or its key is
    /// freed and its units are returned, and this request starts afresh (`None`).
    async fn take_over(&self, earlier: OrderId) -> Result<Option<Placed>, Fault> {
        // Before the database is asked: what has left the queue by then is there.
        if let Some(QueuedOrder::Order(view)) = queued::find(&self.redis, earlier).await? {
            return Ok(Some(Placed {
                order: *view,
                replayed: true,
                queued: true,
            }));
        }
        let db = self.db();
        if order_store::exists_for_certain(db, earlier).await? {
            let order = order_store::load(db, earlier).await?;
            let order =
                order.ok_or_else(|| Fault::Internal(format!("order {earlier} has no items")))?;
            return self.finish(earlier, &order, true).await.map(Some);
        }
        // Without its key nothing of it can be enqueued any more; where it has been meanwhile, the units are that
        // order's.
        if self.admission.free(&self.redis, earlier).await? {
            db_stock::release(&self.config.inventory_url, earlier).await?;
            reservation::release(&self.redis, earlier, &self.request.draft.lines).await?;
        }
        Ok(None)
    }
}
