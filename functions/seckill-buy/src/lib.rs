//! `POST /api/v1/seckill/buy`: a token becomes an order. One script decides, reserves the units and adds the whole
//! order to the intake; the relay writes it (docs/decisions/0004). A database is read only where a token is used again:
//! for the state of its order.

use contract::api::seckill::{Buy, BuyRequest, Queued};
use contract::store::call::sale::{self as call, Rates};
use domain::id::HASHED_USER_BIT;
use domain::limits::{INTAKE_LENGTH_MAX, SECKILL_USED_TOKEN_MS};
use domain::{OrderId, Rejection, Status, User, UserId};
use guest::config::Config;
use guest::mysql::Db;
use guest::redis::{Answer, Redis};
use guest::{Call, Fault, Reply, config, http};
use shop::{caller, order_store};

guest::http_function!(answer);

async fn answer(mut call: Call) -> Result<Reply, Fault> {
    call.must_be("POST", &["api", "v1", "seckill", "buy"])?;
    let mut buy = BuyRequest::parse(&call.json_body().await?)?;
    let user = buyer(caller::named(buy.user.take(), &call)?, buy.token.user)?;
    let config = config::config().await?;
    let redis = Redis::open(&config.redis_url).await?;
    let answer = ask(&redis, config.seckill_rates, &buy, &user, &call.trace_id).await?;
    let bought = outcome(&answer, &buy)?;
    let written = match bought.before {
        true => state(config, bought.order, &call.trace_id).await,
        false => None,
    };
    reply(&bought, written)
}

/// The state of an order that was bought before; `None` where it is not written yet, or its database is away.
async fn state(config: &Config, order: OrderId, trace_id: &str) -> Option<Status> {
    let shard = Db::at(config.shard_url(order.gene()));
    match order_store::load(shard, order).await {
        Ok(order) => order.map(|order| order.status),
        Err(fault) => {
            http::log(&fault, trace_id);
            None
        }
    }
}

/// The token's user, in the caller's own spelling where there is one.
fn buyer(named: Option<User>, of_token: u64) -> Result<User, Rejection> {
    match named {
        Some(user) if user.id.get() == of_token => Ok(user),
        Some(_) => Err(Rejection::SeckillToken("belongs to another user")),
        // Only the spelling names such a user, and the order is to keep it.
        None if of_token & HASHED_USER_BIT != 0 => {
            Err(Rejection::invalid("user_id", "is required"))
        }
        None => Ok(User {
            id: UserId::new(of_token),
            reference: None,
        }),
    }
}

async fn ask(
    redis: &Redis,
    rates: Rates,
    buy: &Buy,
    user: &User,
    trace_id: &str,
) -> Result<Answer, Fault> {
    let call = call::Buy {
        sale: buy.token.sale,
        user: user.id,
        nonce: &buy.token.nonce,
        quantity: buy.quantity,
        remembered_ms: SECKILL_USED_TOKEN_MS,
        entries_max: INTAKE_LENGTH_MAX,
        rates,
        entry: &[
            ("ref", user.reference.as_deref().unwrap_or_default()),
            ("trace", trace_id),
        ],
    };
    redis.call(&call.into()).await
}

/// A successful purchase.
struct Bought {
    order: OrderId,
    /// By an earlier request with the same token, whose reply may have been lost.
    before: bool,
}

fn outcome(answer: &Answer, buy: &Buy) -> Result<Bought, Fault> {
    let sale = buy.token.sale;
    let order = || -> Result<OrderId, Fault> {
        OrderId::new(answer.number(1, "order id")?)
            .ok_or_else(|| Fault::Internal(format!("Redis gave no order id: {answer:?}")))
    };
    let rejection = match answer.text(0).as_deref() {
        Some("ok") => {
            return Ok(Bought {
                order: order()?,
                before: false,
            });
        }
        Some("again") => {
            return Ok(Bought {
                order: order()?,
                before: true,
            });
        }
        Some("bought") => Rejection::AlreadyBought(order()?),
        Some("limited") => Rejection::RateLimited {
            retry_after_ms: answer.number(1, "wait")?,
        },
        Some("early") => Rejection::SeckillNotStarted(sale),
        Some("over") => Rejection::SeckillOver(sale),
        Some("off") => Rejection::OffSale(sale.product),
        Some("unloaded") => Rejection::SeckillNotOpen(sale.to_string()),
        Some("sold_out") => Rejection::SoldOut(sale),
        Some("expired") => Rejection::SeckillToken("has expired"),
        Some("forged") => Rejection::SeckillToken("is not one of ours"),
        Some("limit") => {
            let units: u32 = answer.number(1, "limit")?;
            Rejection::invalid("quantity", format!("must be at most {units}"))
        }
        Some("full") => {
            return Err(Fault::Unavailable {
                backend: "relay",
                reason: format!("the intake of product {} is full", sale.product.0),
            });
        }
        _ => return Err(Fault::Internal(format!("seckill_buy answered {answer:?}"))),
    };
    Err(rejection.into())
}

fn reply(bought: &Bought, written: Option<Status>) -> Result<Reply, Fault> {
    let reply = Reply::of(202, &Queued::of(bought.order, written))?
        .with("location", format!("/v1/order/{}", bought.order));
    Ok(if bought.before {
        reply.with("idempotent-replayed", "true")
    } else {
        reply
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_its_users_own() {
        let named = |text| contract::api::identity::user(text).ok();
        let spelled = buyer(named("user_7"), 7).unwrap();
        assert_eq!(spelled.shown(), "user_7");
        assert_eq!(buyer(None, 7).unwrap().shown(), "7");
        assert_eq!(
            buyer(named("8"), 7),
            Err(Rejection::SeckillToken("belongs to another user"))
        );
        let hashed = named("alice").unwrap().id.get();
        assert!(buyer(named("alice"), hashed).is_ok());
        assert!(matches!(
            buyer(None, hashed),
            Err(Rejection::Invalid { .. })
        ));
    }
}
