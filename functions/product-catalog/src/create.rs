//! Creates a product with its stock: one transaction on the inventory database, then into Redis.

use super::product::Product;
use super::product_id;
use super::statement::{
    INSERT_OPENING, INSERT_PRODUCT, INSERT_STOCK, OPENING_PARAMETERS, OPENING_TIME,
    STOCK_PARAMETERS, STOCK_TIMES,
};
use contract::api::product::{ProductDraft, ProductView};
use contract::store::redis as keys;
use domain::{Ms, ProductId, Rejection};
use guest::config::Config;
use guest::mysql::{Db, Value, optional_text, text};
use guest::mysql_error::Kind;
use guest::redis::Redis;
use guest::transaction::{self, AT_ONCE, End, Plan, Stop, Transaction, Work};
use guest::{Fault, clock};
use shop::catalogue;
use shop::inventory::shown::SkuStock;

/// Reason of the stock that a product is created with, in the list of its changes.
const OPENING: &str = "opening stock";

/// Ids that are tried: another creator may have taken one that was free a moment ago.
const IDS_MAX: u32 = 8;

pub async fn create(
    config: &Config,
    draft: ProductDraft,
    trace_id: &str,
) -> Result<ProductView, Fault> {
    let redis = Redis::open(&config.redis_url).await?;
    let db = Db::at(&config.inventory_url);
    let now = clock::now();
    let id = insert(db, &redis, &draft, now).await?;
    // From here on the product exists; the first order loads it at the latest.
    if let Err(fault) = load(&redis, db, id).await {
        guest::http::log(&fault, trace_id);
    }
    Ok(view(draft, id, now))
}

async fn load(redis: &Redis, db: Db<'_>, id: ProductId) -> Result<(), Fault> {
    catalogue::load_stock(redis, db, id, &[]).await?;
    catalogue::load_product(redis, db, id).await
}

/// Inserts the product with its stock, and gives its id.
async fn insert(
    db: Db<'_>,
    redis: &Redis,
    draft: &ProductDraft,
    now: Ms,
) -> Result<ProductId, Fault> {
    for _ in 0..IDS_MAX {
        let id = match draft.id {
            Some(id) => id,
            None => product_id::next(db).await?,
        };
        let creation = Creation {
            id,
            plan: insertion(id, draft, now),
            redis,
        };
        match (transaction::run(db, &creation, AT_ONCE).await, draft.id) {
            (End::Done(()), _) => return Ok(id),
            (End::Unknown(error), _) => return Err(error.into()),
            (End::Refused(Stop::Sql(error)), named) if error.kind == Kind::Duplicate => {
                if let Some(id) = named {
                    return Err(Rejection::ProductExists(id).into());
                }
                product_id::pass_over(db, id).await?;
            }
            (End::Refused(stop), _) => return Err(stop.into()),
        }
    }
    Err(Fault::Unavailable {
        backend: "mysql",
        reason: "every product id was taken by another creator".to_owned(),
    })
}

struct Creation<'a> {
    id: ProductId,
    plan: Plan,
    redis: &'a Redis,
}

impl Work for Creation<'_> {
    type Done = ();

    /// Before the commit nobody can order the product, so the delete in Redis removes only what a lost database may
    /// have left behind.
    async fn perform(&self, transaction: &mut Transaction) -> Result<(), Stop> {
        self.plan.perform(transaction).await?;
        let leftovers = [keys::stock(self.id), keys::reserved(self.id)].map(String::into_bytes);
        self.redis.command("DEL", leftovers).await?;
        Ok(())
    }
}

fn insertion(id: ProductId, draft: &ProductDraft, now: Ms) -> Plan {
    let product = vec![
        Value::Uint64(id.0),
        text(&draft.name),
        optional_text(draft.image.as_deref()),
        Value::Int64(draft.price.get()),
        Value::Uint8(draft.sale.code()),
        Value::Uint8(draft.stock_mode.code()),
        Value::Uint64(now),
        Value::Uint64(now),
    ];
    let mut plan = Plan::new();
    plan.execute(INSERT_PRODUCT, product);
    let mut stock = Vec::with_capacity(draft.stock.len() * STOCK_PARAMETERS);
    let mut opening = Vec::with_capacity(draft.stock.len() * OPENING_PARAMETERS);
    for (sku, units) in &draft.stock {
        let (sku, units) = (Value::Uint64(sku.0), Value::Uint32(*units));
        stock.extend([Value::Uint64(id.0), sku.clone()]);
        stock.extend(std::iter::repeat_n(units.clone(), 3));
        opening.extend([Value::Uint64(id.0), sku, units.clone()]);
        opening.extend([text(OPENING), units.clone(), units]);
    }
    plan.insert(INSERT_STOCK, STOCK_PARAMETERS, STOCK_TIMES, stock);
    plan.insert(INSERT_OPENING, OPENING_PARAMETERS, OPENING_TIME, opening);
    plan
}

fn view(draft: ProductDraft, id: ProductId, now: Ms) -> ProductView {
    let stock: Vec<SkuStock> = draft
        .stock
        .iter()
        .map(|(sku, units)| SkuStock {
            sku: *sku,
            available: u64::from(*units),
            locked: 0,
        })
        .collect();
    let product = Product {
        id,
        name: draft.name,
        image: draft.image,
        price: draft.price,
        sale: draft.sale,
        mode: draft.stock_mode,
        updated_at: now,
    };
    product.view(&stock)
}
