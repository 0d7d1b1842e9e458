//! The idempotency key in Redis: admitted, completed, enqueued, freed.

use super::request::{Repeats, Request};
use crate::order_cache;
use contract::store::call::limit::MINUTE_MS;
use contract::store::call::order::{self as call, Admit, Response};
use contract::store::redis as keys;
use contract::wire::event::OrderEvent;
use domain::hex::hex;
use domain::idempotency::{KeyState, Verdict, verdict};
use domain::limits::{COMPLETED_TTL_MS, INTAKE_LENGTH_MAX, PROCESSING_TTL_MS, SUBMIT_GUARD_MS};
use domain::{Order, OrderId, Rejection};
use guest::config::Config;
use guest::redis::{Answer, Redis};
use guest::{Fault, random};

/// The key of one request, and all that its scripts need.
pub struct Admission<'a> {
    redis: &'a Redis,
    config: &'a Config,
    request: &'a Request,
    trace_id: &'a str,
    /// Redis key of the request's state.
    key: String,
    /// Hex of the payload's hash.
    payload: String,
}

/// How an admitted request goes on.
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
/// How long a response is kept that nobody can ask for again.
const UNREAD_MS: u64 = 1;

/// Redis key of a request's state. Where no other request is the same as this one, no other has its key.
fn key(request: &Request) -> Result<String, Fault> {
    let user = request.user.id;
    Ok(match request.repeats {
        Repeats::ByKey(key) => keys::admission(user, Some(&key), &request.payload),
        Repeats::ByPayload => keys::admission(user, None, &request.payload),
        Repeats::Never => keys::admission(user, None, &random::bytes()?),
    })
}

impl<'a> Admission<'a> {
    pub fn of(
        redis: &'a Redis,
        config: &'a Config,
        request: &'a Request,
        trace_id: &'a str,
    ) -> Result<Self, Fault> {
        Ok(Self {
            redis,
            config,
            request,
            trace_id,
            key: key(request)?,
            payload: hex(&request.payload),
        })
    }

    pub async fn admit(&self) -> Result<Admitted, Fault> {
        let is_keyless = self.request.key().is_none();
        let processing_ms = match is_keyless {
            true => SUBMIT_GUARD_MS,
            false => PROCESSING_TTL_MS,
        };
        let admit = Admit {
            key: &self.key,
            user: self.request.user.id,
            payload: &self.payload,
            processing_ms,
            orders_max: self.request.orders_max,
            window_ms: MINUTE_MS,
        };
        let answer = self.redis.call(&admit.into()).await?;
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
        match verdict(state, is_keyless, now) {
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
        OrderId::compose(tick, self.request.user.id.gene())
            .ok_or_else(|| Fault::Internal(format!("minted tick {tick}")))
    }

    /// Keeps the response, caches the order and wakes the relay. `admitted` is the id this request was admitted with,
    /// which is not the order's where an earlier request with the same key made it.
    pub async fn complete(
        &self,
        admitted: OrderId,
        order: &Order,
        body: &str,
    ) -> Result<(), Fault> {
        let cached = order_cache::of_body(order, body);
        let shard = self.config.shards().shard_of(order.id.gene());
        let response = self.response(admitted, PLACED, body);
        let complete = call::complete(&response, cached, shard);
        self.redis.call(&complete).await.map(drop)
    }

    fn response<'b>(&'b self, admitted: OrderId, status: u16, body: &'b str) -> Response<'b> {
        let kept_ms = match self.request.repeats {
            Repeats::ByKey(_) => COMPLETED_TTL_MS,
            Repeats::ByPayload => SUBMIT_GUARD_MS,
            Repeats::Never => UNREAD_MS,
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
    pub async fn enqueue(&self, order: &Order, body: &str) -> Result<Enqueued, Fault> {
        let event = OrderEvent::created(order, Some(self.trace_id));
        let event =
            serde_json::to_string(&event).map_err(|error| Fault::Internal(error.to_string()))?;
        let key = self.request.key().map_or(String::new(), |key| hex(&key));
        let entry = [
            ("event", event.as_str()),
            ("key", &key),
            ("payload", &self.payload),
            ("trace", self.trace_id),
        ];
        let response = self.response(order.id, ACCEPTED, body);
        let enqueue = call::enqueue(&response, self.request.user.id, INTAKE_LENGTH_MAX, &entry);
        let answer = self.redis.call(&enqueue).await?;
        match answer.text(0).as_deref() {
            Some("ok") => Ok(Enqueued::Done),
            Some("lost") => Ok(Enqueued::Refused(
                "its key belongs to another request by now",
            )),
            Some("full") => Ok(Enqueued::Refused("the intake is full")),
            _ => Err(Fault::Internal(format!("enqueue answered {answer:?}"))),
        }
    }

    /// Frees the key of a request that left nothing behind. False where the request has ended, or another one has the
    /// key.
    pub async fn free(&self, admitted: OrderId) -> Result<bool, Fault> {
        let free = call::free(self.key.clone(), admitted, keys::PROCESSING);
        let answer = self.redis.call(&free).await?;
        Ok(answer.number::<i64>(0, "count of keys")? > 0)
    }
}

fn same(answer: &Answer) -> bool {
    answer.text(3).as_deref() == Some("1")
}
