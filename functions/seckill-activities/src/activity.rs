//! An activity as the inventory database has it, and its units that can be bought now.

use super::statement;
use contract::api::seckill::{SeckillName, SeckillView};
use contract::store::redis as keys;
use domain::seckill::{SeckillPlan, SeckillStatus};
use domain::{Cents, Ms, ProductId, Rejection, SeckillId, SkuId};
use futures::future::try_join_all;
use guest::Fault;
use guest::mysql::{Db, Row};
use guest::redis::Redis;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    pub id: SeckillId,
    pub plan: SeckillPlan,
    pub status: SeckillStatus,
}

impl Activity {
    pub fn read(row: &Row) -> Result<Activity, Fault> {
        let (number, price, status) = (row.u32(0)?, row.i64(4)?, row.u8(9)?);
        let wrong = |what: &str| Fault::Internal(format!("the {what} of activity {number}"));
        let product = ProductId(row.u64(1)?);
        Ok(Activity {
            id: SeckillId { product, number },
            plan: SeckillPlan {
                product,
                sku: SkuId(row.u64(2)?),
                name: row.text(3)?,
                price: Cents::new(price).ok_or_else(|| wrong("price"))?,
                stock: row.u32(5)?,
                starts_at: row.u64(6)?,
                ends_at: row.u64(7)?,
                per_user_max: row.u32(8)?,
            },
            status: SeckillStatus::from_code(status).ok_or_else(|| wrong("status"))?,
        })
    }

    /// The sku of its units.
    pub fn sku(&self) -> SkuId {
        self.plan.sku.of_sale(self.id.number)
    }

    /// Its window has passed, or it was ended.
    pub fn is_over(&self, now: Ms) -> bool {
        self.status == SeckillStatus::Ended || self.plan.ends_at <= now
    }

    pub fn view(&self, available: Option<u64>) -> SeckillView {
        SeckillView::of(self.id, &self.plan, self.status, available)
    }
}

/// The activity a caller names; by product, the one that is not over and starts first.
pub async fn find(db: Db<'_>, name: SeckillName, now: Ms) -> Result<Activity, Fault> {
    let (statement, unknown) = match name {
        SeckillName::Id(id) => (statement::one(id), id.to_string()),
        SeckillName::Of(product) => (
            statement::next_of(product, now),
            format!("of product {}", product.0),
        ),
    };
    let rows = db.query(&statement.text, statement.values).await?;
    let row = rows.first().ok_or(Rejection::UnknownSeckill(unknown))?;
    Activity::read(row)
}

/// Units of each that can be bought now; `None` before it is preheated, and where Redis has lost its stock.
pub async fn available(redis: &Redis, activities: &[Activity]) -> Result<Vec<Option<u64>>, Fault> {
    let units = activities.iter().map(|activity| async move {
        match activity.status {
            SeckillStatus::Planned => Ok(None),
            SeckillStatus::Ended => Ok(Some(0)),
            SeckillStatus::Open => open_units(redis, activity).await,
        }
    });
    try_join_all(units).await
}

async fn open_units(redis: &Redis, activity: &Activity) -> Result<Option<u64>, Fault> {
    let sku = activity.sku().0;
    let fields = [
        keys::stock(activity.id.product),
        format!("a:{sku}"),
        format!("r:{sku}"),
    ];
    let stock = redis
        .command("HMGET", fields.map(String::into_bytes))
        .await?;
    if stock.text(0).is_none() {
        return Ok(None);
    }
    let available: i64 = stock.number(0, "stock")?;
    let promised: i64 = match stock.text(1) {
        Some(_) => stock.number(1, "promised units")?,
        None => 0,
    };
    Ok(Some(
        available.saturating_sub(promised).max(0).unsigned_abs(),
    ))
}
