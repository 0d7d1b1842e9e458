//! Preheats activities: their units leave the ordinary stock, and their facts are loaded into Redis. Every step may be
//! repeated, so that a preheat that died halfway is completed by the next; a re-run refills nothing.

use super::activity::{self, Activity};
use super::list;
use super::statement::{self, INSERT_UNITS, PRODUCT, TAKE_UNITS, UNITS, UPDATE_STATUS};
use contract::api::problem::Code;
use contract::api::product::SaleStatus;
use contract::api::seckill::{PreheatRequest, Preheated, SeckillName};
use contract::store::call::{Holder, sale, stock};
use contract::store::redis as keys;
use contract::store::sale_facts::SaleFacts;
use contract::wire::cache;
use domain::seckill::SeckillStatus;
use domain::{Rejection, StockMode};
use guest::config::Config;
use guest::mysql::{Db, Value};
use guest::redis::Redis;
use guest::transaction::{self, AT_ONCE, End, Plan, Stop};
use guest::{Call, Fault, Reply, clock, config};
use shop::catalogue;

/// Activities are preheated in the order they are named; where one cannot be, those before it are.
pub async fn answer(mut call: Call) -> Result<Reply, Fault> {
    let names = PreheatRequest::parse(&call.json_body().await?)?;
    let config = config::config().await?;
    let mut wanted = wanted(config, &names).await?;
    let redis = Redis::open(&config.redis_url).await?;
    for activity in &mut wanted {
        preheat(config, &redis, activity).await?;
    }
    let reply = Preheated {
        code: Code::Success.number(),
        seckills: list::views(config, &wanted, &call.trace_id).await,
    };
    let products: Vec<String> = wanted
        .iter()
        .map(|activity| cache::product(activity.id.product))
        .collect();
    let stale = products.iter().map(String::as_str).chain([cache::PRODUCTS]);
    Ok(Reply::of(200, &reply)?.stale(stale))
}

/// All named activities, each once. An unknown one, or one that is over, is refused before anything changes.
async fn wanted(config: &Config, names: &[SeckillName]) -> Result<Vec<Activity>, Fault> {
    let db = Db::at(&config.inventory_url);
    let now = clock::now();
    let mut wanted: Vec<Activity> = Vec::with_capacity(names.len());
    for name in names {
        let found = activity::find(db, *name, now).await?;
        if found.is_over(now) {
            return Err(Rejection::SeckillEnded(found.id).into());
        }
        if wanted.iter().all(|other| other.id != found.id) {
            wanted.push(found);
        }
    }
    Ok(wanted)
}

/// What a sale takes over of its product.
struct Product {
    name: String,
    image: Option<String>,
    mode: StockMode,
    sale: SaleStatus,
}

async fn preheat(config: &Config, redis: &Redis, activity: &mut Activity) -> Result<(), Fault> {
    let db = Db::at(&config.inventory_url);
    let product = product(db, activity).await?;
    if product.sale != SaleStatus::OnSale {
        return Err(Rejection::OffSale(activity.id.product).into());
    }
    let mut fresh = false;
    if activity.status == SeckillStatus::Planned {
        fresh = set_aside(redis, db, activity, product.mode).await?;
        activity.status = SeckillStatus::Open;
    }
    load(redis, db, activity, &product, fresh).await
}

async fn product(db: Db<'_>, activity: &Activity) -> Result<Product, Fault> {
    let id = activity.id.product;
    let rows = db.query(PRODUCT, vec![Value::Uint64(id.0)]).await?;
    let row = rows.first().ok_or(Rejection::UnknownProduct(id))?;
    let (mode, sale) = (row.u8(2)?, row.u8(3)?);
    Ok(Product {
        name: row.text(0)?,
        image: row.optional_text(1)?,
        mode: StockMode::from_code(mode)
            .ok_or_else(|| Fault::Internal(format!("stock mode {mode}")))?,
        sale: SaleStatus::from_code(sale)
            .ok_or_else(|| Fault::Internal(format!("status {sale} of product {}", id.0)))?,
    })
}

/// The holder of its units' reservation while they move.
fn holder(activity: &Activity) -> Holder {
    Holder::Sale(activity.id.number)
}

/// Moves the units: reserves them in Redis, so that nobody else gets them, then moves them in the database. A refusal
/// leaves nothing behind; where the outcome is unknown, the reservation stays for the next preheat or the relay. True
/// where this call moved them: then nobody can have bought yet.
async fn set_aside(
    redis: &Redis,
    db: Db<'_>,
    activity: &Activity,
    mode: StockMode,
) -> Result<bool, Fault> {
    // Stock that the database keeps is not reserved in Redis: the database's guard decides.
    if mode == StockMode::Redis {
        match promise(redis, db, activity).await {
            // Another preheat may have been faster, and have left less than this one asks for.
            Err(Fault::Rejected(_)) if is_open(db, activity).await? => return Ok(false),
            promised => promised?,
        }
    }
    let refusal = match move_units(db, activity).await {
        Moved::Done => return Ok(true),
        Moved::NotPlanned => {
            return match is_open(db, activity).await? {
                true => Ok(false),
                false => {
                    release(redis, activity, mode).await?;
                    Err(Rejection::SeckillEnded(activity.id).into())
                }
            };
        }
        Moved::Unknown(fault) => return Err(fault),
        Moved::Refused(fault) => fault,
    };
    release(redis, activity, mode).await?;
    Err(refusal)
}

async fn is_open(db: Db<'_>, activity: &Activity) -> Result<bool, Fault> {
    let statement = statement::one(activity.id);
    let rows = db.query(&statement.text, statement.values).await?;
    let now = rows.first().map(Activity::read).transpose()?;
    Ok(now.is_some_and(|now| now.status == SeckillStatus::Open))
}

fn short(activity: &Activity) -> Rejection {
    Rejection::StockInsufficient {
        product: activity.id.product,
        sku: activity.plan.sku,
    }
}

async fn promise(redis: &Redis, db: Db<'_>, activity: &Activity) -> Result<(), Fault> {
    let (product, sku) = (activity.id.product, activity.plan.sku);
    let set_aside = stock::set_aside(product, activity.id.number, sku, activity.plan.stock);
    let mut loaded = false;
    loop {
        let answer = redis.call(&set_aside).await?;
        match answer.text(0).as_deref() {
            Some("ok") => return Ok(()),
            Some("short") => return Err(short(activity).into()),
            Some("unloaded") if !loaded => {
                loaded = true;
                if !catalogue::load_stock(redis, db, product, &[])
                    .await?
                    .contains(&sku)
                {
                    return Err(Rejection::UnknownSku { product, sku }.into());
                }
            }
            // Loaded and gone again: Redis evicts what it was just given.
            Some("unloaded") => {
                return Err(Fault::Unavailable {
                    backend: "redis",
                    reason: format!("product {} does not stay loaded", product.0),
                });
            }
            _ => return Err(Fault::Internal(format!("set_aside answered {answer:?}"))),
        }
    }
}

async fn release(redis: &Redis, activity: &Activity, mode: StockMode) -> Result<(), Fault> {
    if mode == StockMode::Db {
        return Ok(());
    }
    let release = stock::release(activity.id.product, holder(activity), [activity.plan.sku]);
    redis.call(&release).await.map(drop)
}

/// How the transaction ended.
enum Moved {
    Done,
    /// Somebody else has opened or ended the activity.
    NotPlanned,
    /// Certainly not committed.
    Refused(Fault),
    /// The answer was lost: it may be committed.
    Unknown(Fault),
}

async fn move_units(db: Db<'_>, activity: &Activity) -> Moved {
    match transaction::run(db, &moving(activity), AT_ONCE).await {
        End::Done(()) => Moved::Done,
        End::Unknown(error) => Moved::Unknown(error.into()),
        End::Refused(Stop::Unmet(OPENING)) => Moved::NotPlanned,
        End::Refused(Stop::Unmet(_)) => Moved::Refused(short(activity).into()),
        End::Refused(stop) => Moved::Refused(stop.into()),
    }
}

/// The place of the step that opens the activity.
const OPENING: usize = 0;

/// Opens the activity, and takes its units from the ordinary ones.
fn moving(activity: &Activity) -> Plan {
    let (product, now) = (activity.id.product.0, clock::now());
    let units = Value::Uint32(activity.plan.stock);
    let mut plan = Plan::new();
    let opened = vec![
        Value::Uint8(SeckillStatus::Open.code()),
        Value::Uint64(now),
        Value::Uint32(activity.id.number),
        Value::Uint8(SeckillStatus::Planned.code()),
    ];
    plan.change_one(UPDATE_STATUS, opened);
    let mut taken = vec![units.clone(), units.clone(), units.clone()];
    taken.extend([
        Value::Uint64(now),
        Value::Uint64(product),
        Value::Uint64(activity.plan.sku.0),
        units.clone(),
    ]);
    plan.change_one(TAKE_UNITS, taken);
    let mut given = vec![Value::Uint64(product), Value::Uint64(activity.sku().0)];
    given.extend([units.clone(), units.clone(), units]);
    given.extend([Value::Uint64(now), Value::Uint64(now)]);
    plan.execute(INSERT_UNITS, given);
    plan
}

/// Loads the stock of both rows into Redis, which settles the reservation, and the facts last: they open the sale.
async fn load(
    redis: &Redis,
    db: Db<'_>,
    activity: &Activity,
    product: &Product,
    fresh: bool,
) -> Result<(), Fault> {
    let id = activity.id;
    let registered = [
        keys::SECKILL_PRODUCTS.to_owned(),
        "GT".to_owned(),
        activity.plan.ends_at.to_string(),
        id.product.0.to_string(),
    ];
    redis
        .command("ZADD", registered.map(String::into_bytes))
        .await?;
    sync(redis, db, activity).await?;
    let plan = &activity.plan;
    let facts = SaleFacts {
        id,
        sku: plan.sku,
        price: plan.price,
        per_user_max: plan.per_user_max,
        starts_at: plan.starts_at,
        ends_at: plan.ends_at,
        name: product.name.clone(),
        image: product.image.clone(),
    };
    redis.call(&sale::load(&facts, fresh)).await.map(drop)
}

async fn sync(redis: &Redis, db: Db<'_>, activity: &Activity) -> Result<(), Fault> {
    let (product, sku) = (activity.id.product, activity.plan.sku);
    let values = vec![
        Value::Uint64(product.0),
        Value::Uint64(sku.0),
        Value::Uint64(activity.sku().0),
    ];
    let rows = db.query(UNITS, values).await?;
    if rows.len() != 2 {
        let id = activity.id;
        return Err(Fault::Internal(format!("flash sale {id} has no units")));
    }
    let rows: Vec<_> = rows
        .iter()
        .map(catalogue::stock_row)
        .collect::<Result<_, _>>()?;
    let settled = [(holder(activity), sku)];
    let sync = stock::sync(product, &rows, &settled);
    redis.call(&sync).await.map(drop)
}
