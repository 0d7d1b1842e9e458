//! The steps of placing an order, and what is undone where one fails (docs/ARCHITECTURE.md).

mod admission;
mod db_stock;
mod halt;
mod request;
mod reservation;

use crate::order_store::{self, Inserted, Made};
use crate::queued;
use admission::{Admission, Admitted, Enqueued};
use contract::api::order::OrderView;
use contract::store::queued::QueuedOrder;
use domain::limits::INSERT_DEADLINE_MS;
use domain::order::amounts;
use domain::{Cents, Order, OrderId, OrderItem, Rejection};
use futures::future::{Either, select};
use guest::config::Config;
use guest::log::{self, Level};
use guest::mysql::Db;
use guest::redis::Redis;
use guest::{Fault, clock, http};
use halt::{Because, Halt, Holds};
use std::pin::pin;
use std::time::{Duration, Instant};

pub use request::{Repeats, Request};

/// A placed order as its reply needs it.
#[derive(Debug)]
pub struct Placed {
    /// As `/v1` shows it.
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

/// Reads a response kept under a key: an order's JSON.
fn stored(body: &str) -> Result<OrderView, Fault> {
    serde_json::from_str(body)
        .map_err(|error| Fault::Internal(format!("the stored response is no order: {error}")))
}

/// How long a request looks for its order after the answer to its commit was lost: it has waited for the answer
/// already.
const LOOK_MAX: Duration = Duration::from_millis(300);

/// Admissions of one request: it needs another after an id that was minted twice, or after taking over a key.
const ADMISSIONS_MAX: u32 = 3;

/// What every attempt needs.
struct Placing<'a> {
    redis: &'a Redis,
    config: &'a Config,
    admission: Admission<'a>,
    request: &'a Request,
    trace_id: &'a str,
    /// Before its id was minted. Monotonic: the wall clocks of Redis, of the databases and of this host may differ.
    began: Instant,
}

/// Places the order that `request` asks for, once.
///
/// # Errors
/// Where it is refused, or a server is away. What it had reserved is given back, now or by the relay.
pub async fn place(config: &Config, request: &Request, trace_id: &str) -> Result<Placed, Fault> {
    let began = Instant::now();
    let redis = Redis::open(&config.redis_url).await?;
    let placing = Placing {
        began,
        redis: &redis,
        config,
        admission: Admission::of(&redis, config, request, trace_id)?,
        request,
        trace_id,
    };
    for _ in 0..ADMISSIONS_MAX {
        let placed = match placing.admission.admit().await? {
            Admitted::Replay { body, queued } => Some(Placed {
                order: stored(&body)?,
                replayed: true,
                queued,
            }),
            Admitted::TakeOver(earlier) => placing.take_over(earlier).await?,
            Admitted::Place(id) => match placing.attempt(id).await {
                Ok(placed) => Some(placed),
                Err(halt) => placing.end(id, halt).await?,
            },
        };
        if let Some(placed) = placed {
            return Ok(placed);
        }
    }
    Err(Fault::Unavailable {
        backend: "redis",
        reason: format!(
            "admitted {ADMISSIONS_MAX} times and not placed: ids were minted twice, or its key changed hands"
        ),
    })
}

impl Placing<'_> {
    /// One attempt under a fresh id.
    async fn attempt(&self, id: OrderId) -> Result<Placed, Halt> {
        if self.request.respond_async {
            self.not_made_yet().await?;
            let order = self.reserve(id).await?;
            return self.enqueue(&order).await;
        }
        match self.reserve(id).await {
            Ok(order) => self.insert(&order).await,
            Err(halt) => Err(self.or_made(halt).await),
        }
    }

    /// Gives back what an attempt holds and says how the request ends; `None` asks to be admitted again.
    async fn end(&self, id: OrderId, halt: Halt) -> Result<Option<Placed>, Fault> {
        self.release(id, halt.holds).await?;
        let end = match halt.because {
            Because::Fault(fault) => Err(fault),
            Because::Made(made) => self.replay(id, made).await.map(Some),
            Because::IdTaken => Ok(None),
        };
        // A replay has completed the key.
        if halt.holds.key && !matches!(end, Ok(Some(_))) {
            self.admission.free(id).await?;
        }
        end
    }

    async fn release(&self, id: OrderId, holds: Holds) -> Result<(), Fault> {
        if holds.units_in_database {
            db_stock::release(&self.config.inventory_url, id).await?;
        }
        if holds.units_in_redis {
            reservation::release(self.redis, id, &self.request.draft).await?;
        }
        Ok(())
    }

    /// An order that is accepted for later must not exist already, which only the shard knows for certain.
    async fn not_made_yet(&self) -> Result<(), Halt> {
        match self.made().await {
            Ok(None) => Ok(()),
            Ok(Some(made)) => Err(Halt::made(made)),
            // Accept all the same: where the key has made an order, the relay finds it, and this id stands for that
            // one.
            Err(fault @ Fault::Unavailable { .. }) => {
                http::log(&fault, self.trace_id);
                Ok(())
            }
            Err(fault) => Err(Halt::unreserved(fault)),
        }
    }

    /// An order that is refused may have been placed before: a repeat is answered with that one.
    async fn or_made(&self, halt: Halt) -> Halt {
        if !matches!(halt.because, Because::Fault(Fault::Rejected(_))) {
            return halt;
        }
        let because = match self.made().await {
            Ok(None) => halt.because,
            Ok(Some(made)) => Because::Made(made),
            Err(away) => Because::Fault(away),
        };
        Halt { because, ..halt }
    }

    /// Hands the order to the batch writer. Where Redis is away it may have been handed over: a repeat finds out by the
    /// key or by the queued order.
    async fn enqueue(&self, order: &Order) -> Result<Placed, Halt> {
        let halt = |fault| Halt::holding(Holds::all(order), fault);
        let view = QueuedOrder::view(order);
        let body = json(&view).map_err(halt)?;
        let late = Instant::now() > self.deadline();
        let outcome = if late {
            // A repeat may be about to release the units.
            Enqueued::Refused("it came too late to be enqueued")
        } else {
            let enqueued = self.admission.enqueue(order, &body).await;
            enqueued.map_err(Halt::uncertain)?
        };
        match outcome {
            Enqueued::Done => Ok(Placed {
                order: view,
                replayed: false,
                queued: true,
            }),
            Enqueued::Refused(reason) => Err(halt(Fault::Unavailable {
                backend: "redis",
                reason: format!("order {}: {reason}", order.id),
            })),
        }
    }

    /// Reserves the units of every line and prices the order.
    async fn reserve(&self, id: OrderId) -> Result<Order, Halt> {
        let (config, draft) = (self.config, &self.request.draft);
        let items = reservation::reserve(self.redis, config, id, draft).await;
        let items = items.map_err(Halt::unreserved)?;
        let order = self.order(id, items);
        let order = order.map_err(|rejection| Halt::reserved_in_redis(rejection.into()))?;
        let (url, deadline) = (&config.inventory_url, self.deadline());
        let reserved = db_stock::reserve(url, id, &order.items, deadline).await;
        reserved.map_err(Halt::reserved_in_redis)?;
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

    async fn insert(&self, order: &Order) -> Result<Placed, Halt> {
        let holds = Holds::all(order);
        let guard = self.request.guard();
        let inserting =
            order_store::insert(self.db(), order, guard, self.trace_id, self.deadline());
        match inserting.await {
            Inserted::Done => self.stands(order).await,
            Inserted::Unknown(fault) => self.after_lost_commit(order.id, fault).await,
            Inserted::KeyTaken => Err(self.key_taken(holds).await),
            Inserted::IdTaken => Err(Halt {
                holds,
                because: Because::IdTaken,
            }),
            Inserted::TooLate => {
                let reason = format!("order {} came too late to be inserted", order.id);
                let backend = "mysql";
                Err(Halt::holding(holds, Fault::Unavailable { backend, reason }))
            }
            Inserted::Failed(fault) => Err(Halt::holding(holds, fault)),
        }
    }

    async fn stands(&self, order: &Order) -> Result<Placed, Halt> {
        let finished = self.finish(order.id, order, false).await;
        finished.map_err(Halt::uncertain)
    }

    /// The key has made another order meanwhile: the units of this one go back. Until that order is found the key stays
    /// as it is.
    async fn key_taken(&self, holds: Holds) -> Halt {
        let made = match self.made().await {
            Ok(Some(made)) => Ok(made),
            Ok(None) => Err(Fault::Internal("a key clash without an order".to_owned())),
            Err(fault) => Err(fault),
        };
        let key = made.is_ok();
        Halt {
            holds: Holds { key, ..holds },
            because: made.map_or_else(Because::Fault, Because::Made),
        }
    }

    fn deadline(&self) -> Instant {
        self.began + Duration::from_millis(INSERT_DEADLINE_MS)
    }

    /// The user's shard.
    fn db(&self) -> Db<'_> {
        Db::at(self.config.shard_url(self.request.user.id.gene()))
    }

    /// The order is committed: that its key cannot be completed is only logged.
    async fn finish(
        &self,
        admitted: OrderId,
        order: &Order,
        replayed: bool,
    ) -> Result<Placed, Fault> {
        let view = OrderView::from(order);
        let body = json(&view)?;
        let completed = self.admission.complete(admitted, order, &body).await;
        if let Err(fault) = completed {
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

    async fn made(&self) -> Result<Option<Made>, Fault> {
        order_store::made(self.db(), self.request.user.id, self.request.guard()).await
    }

    /// Answers with the order that the key has made; another payload is refused.
    async fn replay(&self, admitted: OrderId, made: Made) -> Result<Placed, Fault> {
        if !made.same_payload {
            return Err(Rejection::KeyReused.into());
        }
        self.replay_order(admitted, made.id).await
    }

    async fn replay_order(&self, admitted: OrderId, id: OrderId) -> Result<Placed, Fault> {
        let order = order_store::load(self.db(), id).await?;
        let order = order.ok_or_else(|| Fault::Internal(format!("order {id} has no items")))?;
        self.finish(admitted, &order, true).await
    }

    /// Looks once whether a commit whose answer was lost took effect. If that is not known soon, the key stays in
    /// `processing` and the units stay reserved: a repeat or the relay finds out.
    async fn after_lost_commit(&self, id: OrderId, lost: Fault) -> Result<Placed, Halt> {
        let looked = pin!(order_store::load(self.db(), id));
        match select(looked, pin!(clock::sleep(LOOK_MAX))).await {
            Either::Left((Ok(Some(order)), _)) => self.stands(&order).await,
            _ => Err(Halt::uncertain(lost)),
        }
    }

    /// The request that holds the key stopped halfway and is past its insert deadline: its order is replayed, or its
    /// key is freed and its units are released, and this request starts again (`None`).
    async fn take_over(&self, earlier: OrderId) -> Result<Option<Placed>, Fault> {
        // Read before the database: what has left the queue by then is there.
        if let Some(QueuedOrder::Order(view)) = queued::find(self.redis, earlier).await? {
            return Ok(Some(Placed {
                order: *view,
                replayed: true,
                queued: true,
            }));
        }
        if order_store::exists_for_certain(self.db(), earlier).await? {
            return self.replay_order(earlier, earlier).await.map(Some);
        }
        // Without its key it cannot be enqueued. Where it was enqueued meanwhile, the key is not freed and the units
        // stay.
        if self.admission.free(earlier).await? {
            self.release(earlier, Holds::ALL).await?;
        }
        Ok(None)
    }
}
