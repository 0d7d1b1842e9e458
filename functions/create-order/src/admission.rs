//! The idempotency key in Redis: admitted, completed, enqueued, freed. The only caller of those four scripts.

use super::request::Request;
use contract::store::call::order::{self as call, Admit, Response};
use contract::store::redis as keys;
use contract::wire::event::OrderEvent;
use domain::hex::hex;
use domain::idempotency::{KeyState, Verdict, verdict};
use domain::limits::{COMPLETED_TTL_MS, INTAKE_LENGTH_MAX, PROCESSING_TTL_MS, SUBMIT_GUARD_MS};
use domain::{Order, OrderId, Rejection, UserId};
use guest::Fault;
use guest::config::Config;
use guest::redis::{Answer, Redis};
use shop::order_cache;
use shop::order_store::Guard;

/// The key of one request, and how long its states are kept.
#[derive(Debug)]
pub struct Admission {
    key: String,
    payload: String,
    user: UserId,
    keyless: bool,
}

/// What admitting gave.
#[derive(Debug)]
pub enum Admitted {
    Place(OrderId),
    TakeOver(OrderId),
    /// The stored response.
    Replay {
        /// It was accepted to be written later.
        queued: bool,
        body: String,
    },
}

/// How handing an order to the batch writer ended.
#[derive(Debug)]
pub enum Enqueued {
    Done,
    /// Certainly not handed over.
    Refused(&'static str),
}

/// Statuses stored with a response: of an order that is placed, and of one that is written later.
const PLACED: u16 = 200;
const ACCEPTED: u16 = 202;
const RATE_WINDOW_MS: u64 = 60_000;

impl Admission {
    pub fn of(request: &Request) -> Admission {
        Admission {
            key: keys::admission(request.user.id, request.key.as_ref(), &request.payload),
            payload: hex(&request.payload),
            user: request.user.id,
            keyless: request.key.is_none(),
        }
    }

    pub async fn admit(&self, redis: &Redis, config: &Config) -> Result<Admitted, Fault> {
        let processing_ms = match self.keyless {
            true => SUBMIT_GUARD_MS,
            false => PROCESSING_TTL_MS,
        };
        let admit = Admit {
            key: &self.key,
            user: self.user,
            payload: &self.payload,
            processing_ms,
            orders_max: config.user_orders_per_minute_max,
            window_ms: RATE_WINDOW_MS,
        };
        let answer = redis.call(&admit.into()).await?;
        let now = answer.number(0, "time")?;
        let state = match answer.text(1).as_deref() {
            Some("limited") => {
                let retry_after_ms = answer.number(2, "wait")?;
                return Err(Rejection::RateLimited { retry_after_ms }.into());
            }
            Some("admitted") => KeyState::Admitted {
                order: self.minted(&answer)?,
            },
            Some("processing") => KeyState::Processing {
                order: self.minted(&answer)?,
                same_payload: same(&answer),
            },
            Some("completed") => KeyState::Completed {
                order: self.minted(&answer)?,
                same_payload: same(&answer),
            },
            _ => return Err(Fault::Internal(format!("admit answered {answer:?}"))),
        };
        match verdict(state, self.keyless, now) {
            Verdict::Place(order) => Ok(Admitted::Place(order)),
            Verdict::TakeOver(order) => Ok(Admitted::TakeOver(order)),
            Verdict::Replay(_) => Ok(Admitted::Replay {
                queued: answer
                    .number(4, "status")
                    .is_ok_and(|status: u16| status == ACCEPTED),
                body: answer.text(5).unwrap_or_default(),
            }),
            Verdict::Refuse(rejection) => Err(rejection.into()),
        }
    }

    fn minted(&self, answer: &Answer) -> Result<OrderId, Fault> {
        let tick = answer.number(2, "minted id")?;
        OrderId::compose(tick, self.user.gene())
            .ok_or_else(|| Fault::Internal(format!("minted tick {tick}")))
    }

    /// Keeps the response, caches the order and wakes the relay. `admitted` is the id this request was admitted with,
    /// which is not the order's where an earlier request with the same key made it.
    pub async fn complete(
        &self,
        redis: &Redis,
        config: &Config,
        admitted: OrderId,
        order: &Order,
        body: &str,
    ) -> Result<(), Fault> {
        let cached = order_cache::of_body(order, body);
        let shard = config.shards().shard_of(order.id.gene());
        let response = self.response(admitted, PLACED, body);
        redis
            .call(&call::complete(&response, cached, shard))
            .await
            .map(drop)
    }

    fn response<'a>(&'a self, admitted: OrderId, status: u16, body: &'a str) -> Response<'a> {
        let kept_ms = match self.keyless {
            true => SUBMIT_GUARD_MS,
            false => COMPLETED_TTL_MS,
        };
        Response {
            key: &self.key,
            admitted,
            payload: &self.payload,
            kept_ms,
            status,
            body,
        }
    }

    /// Keeps the response and hands the order to the relay's batch writer, in one step.
    pub async fn enqueue(
        &self,
        redis: &Redis,
        order: &Order,
        guard: Guard,
        body: &str,
        trace_id: &str,
    ) -> Result<Enqueued, Fault> {
        let event = serde_json::to_string(&OrderEvent::created(order, Some(trace_id)))
            .map_err(|error| Fault::Internal(error.to_string()))?;
        let key = guard.key.map_or(String::new(), |key| hex(&key));
        let payload = hex(&guard.payload);
        let entry = [
            ("event", event.as_str()),
            ("key", &key),
            ("payload", &payload),
            ("trace", trace_id),
        ];
        let response = self.response(order.id, ACCEPTED, body);
        let enqueue = call::enqueue(&response, self.user, INTAKE_LENGTH_MAX, &entry);
        let answer = redis.call(&enqueue).await?;
        match answer.text(0).as_deref() {
            Some("ok") => Ok(Enqueued::Done),
            Some("lost") => Ok(Enqueued::Refused(
                "its key belongs to another request by now",
            )),
            Some("full") => Ok(Enqueued::Refused("the intake is full")),
            _ => Err(Fault::Internal(format!("enqueue answered {answer:?}"))),
        }
    }

    /// Frees the key of a request that left nothing behind. False where the request has ended, or the key is another's.
    pub async fn free(&self, redis: &Redis, admitted: OrderId) -> Result<bool, Fault> {
        let free = call::free(self.key.clone(), admitted, keys::PROCESSING);
        let answer = redis.call(&free).await?;
        Ok(answer.number::<i64>(0, "count of keys")? > 0)
    }
}

fn same(answer: &Answer) -> bool {
    answer.text(3).as_deref() == Some("1")
}
