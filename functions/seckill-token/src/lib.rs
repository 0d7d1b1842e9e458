//! Tokens, without which nobody buys in a flash sale: one live token per buyer, none outside the window or when sold
//! out. Redis alone decides; once the sale is sold out, in a single call. The token names the order it will become,
//! which can be polled from the purchase on (docs/decisions/0004).

use contract::api::problem::Code;
use contract::api::seckill::{SeckillName, Token, TokenReply, TokenRequest};
use contract::store::call::order::mint;
use contract::store::call::sale::{self as call, Rates};
use contract::store::queued::QueuedOrder;
use contract::store::redis as keys;
use domain::limits::{SECKILL_REMEMBERED_MS, SECKILL_TOKEN_MS, SECKILL_USED_TOKEN_MS};
use domain::{Ms, OrderId, ProductId, Rejection, SeckillId, User};
use futures::future::join;
use guest::redis::Redis;
use guest::{Call, Fault, Reply, config, random};
use shop::caller;

guest::http_function!(answer);

async fn answer(mut call: Call) -> Result<Reply, Fault> {
    call.must_be("POST", &["api", "v1", "seckill", "token"])?;
    let (user, name) = TokenRequest::parse(&call.json_body().await?)?;
    let user = caller::known_buyer(user, &call)?;
    let config = config::config().await?;
    let redis = Redis::open(&config.redis_url).await?;
    let sale = match name {
        SeckillName::Id(sale) => sale,
        SeckillName::Of(product) => current(&redis, product).await?,
    };
    let asking = Asking {
        redis: &redis,
        sale,
        user: &user,
        rates: config.seckill_rates,
    };
    let token = asking.token().await?;
    reply(sale, &user, &token)
}

/// The product's running sale, else its next one, else the last that ended, by Redis' clock.
async fn current(redis: &Redis, product: ProductId) -> Result<SeckillId, Fault> {
    let current = call::current(product, SECKILL_REMEMBERED_MS);
    let answer = redis.call(&current).await?;
    let number = answer.text(0);
    number
        .and_then(|number| SeckillId::parse(&format!("{}-{number}", product.0)))
        .ok_or_else(|| Rejection::SeckillNotOpen(format!("of product {}", product.0)).into())
}

/// A live token.
struct Held {
    nonce: String,
    order: OrderId,
    left_ms: Ms,
}

enum Word {
    /// A token may be issued, once there is an order id for it.
    Mint,
    Issued(Held),
    /// The buyer had one already.
    Held(Held),
}

struct Asking<'a> {
    redis: &'a Redis,
    sale: SeckillId,
    user: &'a User,
    rates: Rates,
}

impl Asking<'_> {
    async fn token(&self) -> Result<Held, Fault> {
        let held = match self.ask("", None).await? {
            Word::Mint => return self.issue().await,
            Word::Issued(held) | Word::Held(held) => held,
        };
        // The request that got it first may have died before its order could be polled.
        self.announce(held.order).await?;
        Ok(held)
    }

    async fn issue(&self) -> Result<Held, Fault> {
        let nonce = random::nonce()?;
        let order = self.mint().await?;
        let (word, announced) = join(self.ask(&nonce, Some(order)), self.announce(order)).await;
        match word {
            Ok(Word::Issued(held)) => {
                announced?;
                Ok(held)
            }
            other => {
                // Nobody will ever buy under this id.
                let key = keys::queued(order).into_bytes();
                self.redis.command("DEL", [key]).await?;
                match other? {
                    // Another request of the same buyer was faster.
                    Word::Held(held) | Word::Issued(held) => {
                        self.announce(held.order).await?;
                        Ok(held)
                    }
                    Word::Mint => Err(Fault::Internal(
                        "seckill_token asks to mint twice".to_owned(),
                    )),
                }
            }
        }
    }

    async fn mint(&self) -> Result<OrderId, Fault> {
        let gene = self.user.id.gene();
        let answer = self.redis.call(&mint(gene)).await?;
        let tick = answer.number(0, "minted id")?;
        OrderId::compose(tick, gene).ok_or_else(|| Fault::Internal(format!("minted tick {tick}")))
    }

    /// Lets the order be found from its purchase on, for as long as a used token is kept.
    async fn announce(&self, order: OrderId) -> Result<(), Fault> {
        let arguments = [
            keys::queued(order),
            QueuedOrder::purchase(self.sale, self.user),
            "PX".to_owned(),
            SECKILL_USED_TOKEN_MS.to_string(),
        ];
        let arguments = arguments.map(String::into_bytes);
        self.redis.command("SET", arguments).await?;
        Ok(())
    }

    /// Asks for a token; without an order id only whether there may be one.
    async fn ask(&self, nonce: &str, order: Option<OrderId>) -> Result<Word, Fault> {
        let sale = self.sale;
        let token = call::Token {
            sale,
            user: self.user.id,
            nonce,
            order,
            good_ms: SECKILL_TOKEN_MS,
            rates: self.rates,
        };
        let answer = self.redis.call(&token.into()).await?;
        let order = |at: usize| -> Result<OrderId, Fault> {
            OrderId::new(answer.number(at, "order id")?)
                .ok_or_else(|| Fault::Internal(format!("Redis gave no order id: {answer:?}")))
        };
        let held = || -> Result<Held, Fault> {
            Ok(Held {
                nonce: answer.text(1).unwrap_or_default(),
                order: order(2)?,
                left_ms: answer.number(3, "time left")?,
            })
        };
        let rejection = match answer.text(0).as_deref() {
            Some("mint") => return Ok(Word::Mint),
            Some("issued") => return held().map(Word::Issued),
            Some("held") => return held().map(Word::Held),
            Some("bought") => Rejection::AlreadyBought(order(1)?),
            Some("limited") => Rejection::RateLimited {
                retry_after_ms: answer.number(1, "wait")?,
            },
            Some("early") => Rejection::SeckillNotStarted(sale),
            Some("over") => Rejection::SeckillOver(sale),
            Some("off") => Rejection::OffSale(sale.product),
            Some("sold_out") => Rejection::SoldOut(sale),
            Some("unloaded") => Rejection::SeckillNotOpen(sale.to_string()),
            _ => {
                return Err(Fault::Internal(format!(
                    "seckill_token answered {answer:?}"
                )));
            }
        };
        Err(rejection.into())
    }
}

fn reply(sale: SeckillId, user: &User, held: &Held) -> Result<Reply, Fault> {
    let token = Token {
        sale,
        user: user.id.get(),
        nonce: held.nonce.clone(),
    };
    Reply::of(
        200,
        &TokenReply {
            code: Code::Success.number(),
            token: token.to_string(),
            seckill_id: sale.to_string(),
            product_id: sale.product.0.to_string(),
            order_id: held.order.to_string(),
            expires_in: held.left_ms / 1_000,
        },
    )
}
