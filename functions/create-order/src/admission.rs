//! The idempotency key in Redis: admitted, completed, freed. The only caller of those three scripts.

use crate::request::Request;
use contract::identity::hex;
use contract::redis as keys;
use domain::id::EPOCH_MS;
use domain::idempotency::{KeyState, Verdict, verdict};
use domain::limits::{COMPLETED_TTL_MS, PROCESSING_TTL_MS, SUBMIT_GUARD_MS};
use domain::{Order, OrderId, Rejection, UserId};
use guest::config::Config;
use guest::redis::{Answer, Redis};
use guest::{Fault, order_cache};

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
    /// The stored response: status and body.
    Replay {
        body: String,
    },
}

const RATE_WINDOW_MS: u64 = 60_000;

impl Admission {
    pub fn of(request: &Request) -> Admission {
        let payload = hex(&request.payload);
        let key = match request.key {
            Some(key) => keys::idempotency(request.user.id, &hex(&key)),
            None => keys::submit_guard(request.user.id, &payload),
        };
        Admission {
            key,
            payload,
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
        let ttl = if self.keyless {
            SUBMIT_GUARD_MS
        } else {
            COMPLETED_TTL_MS
        };
        let arguments = [
            admitted.tick().to_string(),
            self.payload.clone(),
            ttl.to_string(),
            "200".to_owned(),
            body.to_owned(),
            order.version.to_string(),
            order_cache::value(order)?,
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

    /// Frees the key of a request that left nothing behind.
    pub async fn free(&self, redis: &Redis, admitted: OrderId) -> Result<(), Fault> {
        redis
            .script(
                &keys::FREE,
                &[&self.key],
                &[admitted.tick().to_string().as_bytes()],
            )
            .await?;
        Ok(())
    }
}

fn same(answer: &Answer) -> bool {
    answer.text(3).as_deref() == Some("1")
}
