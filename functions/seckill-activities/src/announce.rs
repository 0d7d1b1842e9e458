//! Announces a flash sale: one row, planned. Its units stay ordinary stock until it is preheated.

use super::activity::Activity;
use super::statement::{INSERT, LAST_NUMBER, PRODUCT};
use contract::api::idempotency_key;
use contract::api::problem::Code;
use contract::api::seckill::{CreateSeckillRequest, SeckillReply};
use domain::limits::SECKILL_NUMBER_MAX;
use domain::seckill::{SeckillPlan, SeckillStatus};
use domain::{Ms, Rejection, SeckillId};
use guest::mysql::{Db, Value, text};
use guest::transaction::{self, AT_ONCE, Stop, Transaction, Work};
use guest::{Call, Fault, Reply, clock, config};

pub async fn answer(mut call: Call) -> Result<Reply, Fault> {
    let instead = "each request announces a flash sale";
    idempotency_key::none(&call.header_lines("idempotency-key"), instead)?;
    let now = clock::now();
    let plan = CreateSeckillRequest::parse(&call.json_body().await?, now)?;
    let db = Db::at(&config::config().await?.inventory_url);
    let plan = named(db, plan).await?;
    let id = insert(db, &plan, now).await?;
    let activity = Activity {
        id,
        plan,
        status: SeckillStatus::Planned,
    };
    let reply = SeckillReply {
        code: Code::Success.number(),
        seckill: activity.view(None),
    };
    let location = format!("/api/v1/seckill/activities/{id}");
    Ok(Reply::of(201, &reply)?.with("location", location))
}

/// The plan with its own name, else that of its product. An unknown product or sku is refused.
async fn named(db: Db<'_>, plan: SeckillPlan) -> Result<SeckillPlan, Fault> {
    let product = plan.product;
    let rows = db.query(PRODUCT, vec![Value::Uint64(product.0)]).await?;
    let row = rows.first().ok_or(Rejection::UnknownProduct(product))?;
    let name = if plan.name.is_empty() {
        row.text(0)?
    } else {
        plan.name.clone()
    };
    let sku = "SELECT sku_id FROM t_inventory WHERE product_id = ? AND sku_id = ?";
    let values = vec![Value::Uint64(product.0), Value::Uint64(plan.sku.0)];
    if db.query(sku, values).await?.is_empty() {
        let sku = plan.sku;
        return Err(Rejection::UnknownSku { product, sku }.into());
    }
    Ok(SeckillPlan { name, ..plan })
}

async fn insert(db: Db<'_>, plan: &SeckillPlan, now: Ms) -> Result<SeckillId, Fault> {
    let announcement = Announcement { plan, now };
    transaction::run(db, &announcement, AT_ONCE).await.done()
}

struct Announcement<'a> {
    plan: &'a SeckillPlan,
    now: Ms,
}

impl Work for Announcement<'_> {
    type Done = SeckillId;

    async fn perform(&self, transaction: &mut Transaction) -> Result<SeckillId, Stop> {
        let (plan, now) = (self.plan, self.now);
        let values = vec![
            Value::Uint64(plan.product.0),
            Value::Uint64(plan.sku.0),
            text(&plan.name),
            Value::Int64(plan.price.get()),
            Value::Uint32(plan.stock),
            Value::Uint64(plan.starts_at),
            Value::Uint64(plan.ends_at),
            Value::Uint32(plan.per_user_max),
            Value::Uint8(SeckillStatus::Planned.code()),
            Value::Uint64(now),
            Value::Uint64(now),
        ];
        transaction.execute(INSERT, values).await?;
        let rows = transaction.query(LAST_NUMBER, vec![]).await?;
        let number = match rows.first() {
            Some(row) => row.u64(0)?,
            None => 0,
        };
        let number = u32::try_from(number)
            .ok()
            .filter(|number| (1..=SECKILL_NUMBER_MAX).contains(number))
            .ok_or_else(|| Fault::Internal(format!("activity number {number} is out of range")))?;
        Ok(SeckillId {
            product: plan.product,
            number,
        })
    }
}
