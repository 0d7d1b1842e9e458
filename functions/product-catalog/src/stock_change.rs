//! Restocks and corrections of ordinary stock, once per idempotency key (docs/decisions/0018). Units are added in the
//! database first and then in Redis; they are taken in Redis first, as an order takes them, and then in the database. A
//! repeat finds in the database what the key has made, and does what was left undone.

mod attempt;
mod list;
mod statement;

use super::reply;
use attempt::Attempt;
use contract::api::idempotency_key;
use contract::api::product::{StockChangeRequest, StockChangeView};
use contract::store::call::Holder;
use contract::wire::cache;
use domain::{Ms, ProductId, Rejection, StockMode};
use guest::config::config;
use guest::mysql::{Db, Row, Value};
use guest::redis::Redis;
use guest::{Call, Fault, Reply};
use shop::catalogue;

pub use list::answer as list;

pub async fn make(call: &mut Call, product: ProductId) -> Result<Reply, Fault> {
    let draft = StockChangeRequest::parse(&call.json_body().await?)?;
    let lines = call.header_lines("idempotency-key");
    let key = idempotency_key::of(&lines, draft.idempotency_key.as_deref())?
        .ok_or_else(|| Rejection::invalid("Idempotency-Key", "is required, here or in the body"))?;
    let config = config().await?;
    let change = Attempt {
        redis: &Redis::open(&config.redis_url).await?,
        db: Db::at(&config.inventory_url),
        product,
        key: idempotency_key::hash(&key),
        hash: draft.hash(),
        draft,
        trace_id: &call.trace_id,
    };
    let (view, replayed) = change.once().await?;
    let group = cache::product(product);
    let reply = reply::stock_change(view)?.stale([group.as_str(), cache::PRODUCTS]);
    Ok(match replayed {
        true => reply.with("idempotent-replayed", "true"),
        false => reply,
    })
}

/// What the database has of a product and of a key.
struct Seen {
    mode: StockMode,
    /// By the clock of the database.
    now: Ms,
    /// It has the variant.
    has_sku: bool,
    made: Option<Made>,
}

/// The change that a key has made.
struct Made {
    view: StockChangeView,
    same_payload: bool,
}

impl Attempt<'_> {
    /// The change, and whether an earlier request made it.
    async fn once(&self) -> Result<(StockChangeView, bool), Fault> {
        let mut seen = self.look().await?;
        if let Some(made) = seen.made.take() {
            return Ok((self.replay(made).await?, true));
        }
        match self.attempt(&seen).await {
            // Another request with the key may have been faster.
            Err(fault @ Fault::Rejected(_)) => match self.look().await?.made {
                Some(made) => Ok((self.replay(made).await?, true)),
                None => Err(fault),
            },
            Err(fault) => Err(fault),
            Ok(()) => {
                let made = self.look().await?.made;
                let made = made.ok_or_else(|| Fault::Internal("a change without a row".to_owned()));
                Ok((self.replay(made?).await?, false))
            }
        }
    }

    async fn look(&self) -> Result<Seen, Fault> {
        let values = vec![
            Value::Binary(self.hash.to_vec()),
            Value::Uint64(self.draft.sku.0),
            Value::Binary(self.key.to_vec()),
            Value::Uint64(self.product.0),
        ];
        let rows = self.db.query(statement::SEEN, values).await?;
        let row = rows.first();
        let row = row.ok_or(Rejection::UnknownProduct(self.product))?;
        let mode = row.u8(0)?;
        let made = match row.is_null(3) {
            true => None,
            false => Some(Made {
                view: view(self.product, row, 3)?,
                same_payload: row.i64(10)? == 1,
            }),
        };
        Ok(Seen {
            mode: StockMode::from_code(mode)
                .ok_or_else(|| Fault::Internal(format!("stock mode {mode}")))?,
            now: row.u64(1)?,
            has_sku: !row.is_null(2),
            made,
        })
    }

    /// Brings Redis up to what the database has, and drops the reservation: no later attempt can commit.
    async fn replay(&self, made: Made) -> Result<StockChangeView, Fault> {
        let settled = [(self.holder(), self.draft.sku)];
        catalogue::load_stock(self.redis, self.db, self.product, &settled).await?;
        match made.same_payload {
            true => Ok(made.view),
            false => Err(Rejection::KeyReused.into()),
        }
    }

    fn holder(&self) -> Holder {
        Holder::Change(u128::from_be_bytes(self.key))
    }
}

/// From the columns of `statement::COLUMNS`, the first of them at `from`.
fn view(product: ProductId, row: &Row, from: usize) -> Result<StockChangeView, Fault> {
    Ok(StockChangeView {
        id: row.u64(from)?.to_string(),
        product_id: product.0.to_string(),
        sku_id: row.u64(from + 1)?.to_string(),
        change: row.i64(from + 2)?,
        reason: row.text(from + 3)?,
        available_stock: row.u64(from + 4)?,
        total_stock: row.u64(from + 5)?,
        created_at: row.u64(from + 6)?,
    })
}
