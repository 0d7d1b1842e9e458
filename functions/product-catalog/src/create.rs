//! Creates a product with its stock: one transaction on the inventory database, then into Redis.

use super::product::Product;
use super::statement::{INSERT_PRODUCT, INSERT_STOCK, LARGEST_ID, STOCK_PARAMETERS};
use super::stock::SkuStock;
use contract::product::{PRODUCT_ID_MAX, ProductDraft, ProductView};
use contract::redis as keys;
use domain::{Ms, ProductId, Rejection};
use guest::config::Config;
use guest::mysql::{Db, SqlError, Transaction, Value, optional_text, text};
use guest::mysql_error::Kind;
use guest::redis::Redis;
use guest::{Fault, catalogue, clock};

/// Attempts to insert: a minted id may be taken by another creator, a transaction may be a deadlock's victim.
const ATTEMPTS_MAX: u32 = 8;

pub async fn create(
    config: &Config,
    draft: ProductDraft,
    trace_id: &str,
) -> Result<ProductView, Fault> {
    let redis = Redis::open(&config.redis_url).await?;
    let db = Db::at(&config.inventory_url);
    let now = clock::now();
    let (transaction, id) = insert(db, &draft, now).await?;
    // Before the commit nobody can order the product, so nothing that counts is deleted here: only what a
    // lost database may have left behind.
    let leftovers = [keys::stock(id), keys::reserved(id)].map(String::into_bytes);
    if let Err(fault) = redis.command("DEL", leftovers).await {
        transaction.rollback().await;
        return Err(fault);
    }
    transaction.commit().await?;
    // From here on the product exists; Redis would load it on the first order at the latest.
    if let Err(fault) = load(&redis, db, id).await {
        guest::http::log(&fault, trace_id);
    }
    Ok(view(draft, id, now))
}

async fn load(redis: &Redis, db: Db<'_>, id: ProductId) -> Result<(), Fault> {
    catalogue::load_stock(redis, db, id).await?;
    catalogue::load_product(redis, db, id).await
}

/// An open transaction with the product in it, under the id it gives.
async fn insert(
    db: Db<'_>,
    draft: &ProductDraft,
    now: Ms,
) -> Result<(Transaction, ProductId), Fault> {
    let mut attempt = 1;
    loop {
        let id = match draft.id {
            Some(id) => id,
            None => next_id(db).await?,
        };
        let mut transaction = db.begin().await?;
        let error = match write(&mut transaction, id, draft, now).await {
            Ok(()) => return Ok((transaction, id)),
            Err(error) => error,
        };
        transaction.rollback().await;
        match (error.kind, draft.id) {
            (Kind::Duplicate, Some(id)) => return Err(Rejection::ProductExists(id).into()),
            (Kind::Duplicate | Kind::Retry, _) if attempt < ATTEMPTS_MAX => attempt += 1,
            (Kind::Duplicate, None) => {
                return Err(Fault::Unavailable {
                    backend: "mysql",
                    reason: "every product id was taken by another creator".to_owned(),
                });
            }
            _ => return Err(error.into()),
        }
    }
}

async fn next_id(db: Db<'_>) -> Result<ProductId, Fault> {
    let rows = db.query(LARGEST_ID, vec![]).await?;
    let largest = match rows.first() {
        Some(row) if !row.is_null(0) => row.u64(0)?,
        _ => 0,
    };
    if largest >= PRODUCT_ID_MAX {
        return Err(Rejection::invalid("id", "must be given: the largest is taken").into());
    }
    Ok(ProductId(largest + 1))
}

async fn write(
    transaction: &mut Transaction,
    id: ProductId,
    draft: &ProductDraft,
    now: Ms,
) -> Result<(), SqlError> {
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
    transaction.execute(INSERT_PRODUCT, product).await?;
    let mut stock = Vec::with_capacity(draft.stock.len() * STOCK_PARAMETERS);
    for (sku, units) in &draft.stock {
        stock.extend([Value::Uint64(id.0), Value::Uint64(sku.0)]);
        stock.extend(std::iter::repeat_n(Value::Uint32(*units), 3));
        stock.extend([Value::Uint64(now), Value::Uint64(now)]);
    }
    transaction
        .insert(INSERT_STOCK, STOCK_PARAMETERS, stock)
        .await
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
