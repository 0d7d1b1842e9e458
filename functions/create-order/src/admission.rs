//! The idempotency key in Redis: admitted, completed, enqueued, freed. The only caller of those four scripts.

use super::request::Request;
use contract::store::cached_order::CachedOrder;
use contract::store::redis as keys;
use contract::wire::event::OrderEvent;
use domain::hex::hex;
use domain::id::EPOCH_MS;
use domain::idempotency::{KeyState, Verdict, verdict};
use domain::limits::{COMPLETED_TTL_MS, INTAKE_LENGTH_MAX, PROCESSING_TTL_MS, SUBMIT_GUARD_MS};
use domain::{Ms, Order, OrderId, Rejection, UserId};
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

/// Status stored with the response of an order that is written later.
const ACCEPTED: &str = "202";
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
        let (counter, rate) = (
            keys::id_counter(self.user.gene()),
            keys::rate_limit(self.user),
        );
        let ttl = if self.keyless {
            SUBMIT_GUARD_MS
        } else {
            PROCESSING_TTL_MS
        };
        let arguments = [
            self.payload.clone(),
            ttl.to_string(),
            EPOCH_MS.to_string(),
            config.user_orders_per_minute_max.to_string(),
            RATE_WINDOW_MS.to_string(),
        ];
        let arguments: Vec<&[u8]> = arguments.iter().map(String::as_bytes).collect();
        let answer = redis
            .script(&keys::ADMIT, &[&self.key, &counter, &rate], &arguments)
            .await?;
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
                queued: answer.text(4).as_deref() == Some("202"),
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
        let arguments = [
            admitted.tick().to_string(),
            self.payload.clone(),
            self.kept_ms().to_string(),
            "200".to_owned(),
            body.to_owned(),
            order.version.to_string(),
            CachedOrder::value(order, body),
            order_cache::ttl_ms(order.id).to_string(),
            keys::OUTBOX_CHANNEL.to_owned(),
            config.shards().shard_of(order.id.gene()).to_string(),
        ];
        let arguments: Vec<&[u8]> = arguments.iter().map(String::as_bytes).collect();
        redis
            .script(
                &keys::COMPLETE,
                &[&self.key, &keys::order(order.id)],
                &arguments,
            )
            .await?;
        Ok(())
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
        let names = [
            self.key.clone(),
            keys::queued(order.id),
            keys::order_intake(self.user.gene()),
        ];
        let numbers = [order.id.tick(), self.kept_ms(), INTAKE_LENGTH_MAX];
        let [tick, kept_ms, entries_max] = numbers.map(|number| number.to_string());
        let key = guard.key.map_or(String::new(), |key| hex(&key));
        let payload = hex(&guard.payload);
        let arguments = [
            tick.as_str(),
            &self.payload,
            &kept_ms,
            ACCEPTED,
            body,
            body,
            &entries_max,
            keys::INTAKE_CHANNEL,
            "event",
            &event,
            "key",
            &key,
            "payload",
            &payload,
            "trace",
            trace_id,
        ];
        let answer = redis
            .script(
                &keys::ENQUEUE,
                &names.each_ref().map(String::as_str),
                &arguments.map(str::as_bytes),
            )
            .await?;
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
        let tick = admitted.tick().to_string();
        let arguments = [tick.as_bytes(), keys::PROCESSING.as_bytes()];
        let answer = redis.script(&keys::FREE, &[&self.key], &arguments).await?;
        Ok(answer.number::<i64>(0, "count of keys")? > 0)
    }

    /// How long the response is kept.
    fn kept_ms(&self) -> Ms {
        if self.keyless {
            SUBMIT_GUARD_MS
        } else {
            COMPLETED_TTL_MS
        }
    }
}

fn same(answer: &Answer) -> bool {
    answer.text(3).as_deref() == Some("1")
}
