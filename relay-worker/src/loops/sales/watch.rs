//! Watches open flash sales: whether Redis knows them, and whether their product is on sale.

use super::Sales;
use super::care::{Care, Task};
use crate::limits::SALES_MAX;
use contract::api::product::SaleStatus;
use contract::store::call::Call;
use contract::store::redis::{Script, seckill, seckills, stock};
use contract::store::sale_facts::SaleFacts;
use domain::seckill::SeckillStatus;
use domain::{Cents, Ms, ProductId, SeckillId, SkuId};
use sqlx::Row as _;

const WATCH: Script = Script {
    name: "watch",
    text: include_str!("watch.lua"),
};

const OPEN: &str = "SELECT a.id, a.product_id, a.sku_id, a.price, a.per_user_limit, a.starts_at, a.ends_at, p.name, p.image, p.status \
     FROM seckill_activity a JOIN products p ON p.id = a.product_id \
     WHERE a.status = ? AND a.ends_at > ? AND a.id > ? ORDER BY a.id LIMIT ?";

/// An open activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// What Redis has to know of it.
    pub facts: SaleFacts,
    /// Whether its product is on sale, by `products.status`.
    pub on_sale: bool,
}

impl Running {
    fn read(row: &sqlx::mysql::MySqlRow) -> anyhow::Result<Running> {
        let (number, price, status): (u64, i64, u8) =
            (row.try_get(0)?, row.try_get(3)?, row.try_get(9)?);
        let id = SeckillId {
            product: ProductId(row.try_get(1)?),
            number: u32::try_from(number)?,
        };
        Ok(Running {
            facts: SaleFacts {
                id,
                sku: SkuId(row.try_get(2)?),
                price: Cents::new(price)
                    .ok_or_else(|| anyhow::anyhow!("flash sale {id} has the price {price}"))?,
                per_user_max: row.try_get(4)?,
                starts_at: row.try_get(5)?,
                ends_at: row.try_get(6)?,
                name: row.try_get(7)?,
                image: row.try_get(8)?,
            },
            on_sale: SaleStatus::from_code(status) == Some(SaleStatus::OnSale),
        })
    }

    /// Its status in Redis: `open`, or `off` while its product is not on sale.
    pub fn status(&self) -> &'static str {
        if self.on_sale { "open" } else { "off" }
    }
}

impl Sales {
    /// Compares every open activity that ends after `now` with Redis; what is lost is recorded in `care`.
    ///
    /// # Errors
    /// When a server is away.
    pub async fn watch(&self, care: &mut Care, now: Ms) -> anyhow::Result<()> {
        let mut after = 0_u64;
        loop {
            let rows = sqlx::query(OPEN)
                .bind(SeckillStatus::Open.code())
                .bind(now)
                .bind(after)
                .bind(SALES_MAX)
                .fetch_all(&self.databases.inventory.pool)
                .await?;
            let mut sales = Vec::with_capacity(rows.len());
            for row in &rows {
                let number = row.try_get(0)?;
                if care.is_left_alone(Task::Watch, number) {
                    continue;
                }
                match Running::read(row) {
                    Ok(sale) => sales.push(sale),
                    Err(error) => drop(care.ended::<()>(Task::Watch, number, Err(error))),
                }
            }
            let words = self.look(&sales).await?;
            for (sale, word) in sales.into_iter().zip(words) {
                let number = u64::from(sale.facts.id.number);
                match care.ended(Task::Watch, number, word).as_deref() {
                    Some("lost") => care.is_lost(sale),
                    Some(word) => {
                        if word != "same" {
                            tracing::warn!(seckill_id = %sale.facts.id, "its product was taken off sale or put on sale: {word}");
                        }
                        care.is_known(number);
                    }
                    None => {}
                }
            }
            match rows.last() {
                Some(last) if rows.len() == SALES_MAX as usize => after = last.try_get(0)?,
                _ => return Ok(()),
            }
        }
    }

    async fn look(&self, sales: &[Running]) -> anyhow::Result<Vec<anyhow::Result<String>>> {
        let call = |sale: &Running| {
            let facts = &sale.facts;
            let product = facts.id.product;
            Call::new(
                &WATCH,
                [seckill(facts.id), stock(product), seckills(product)],
            )
            .arg(facts.sale_sku().0)
            .text(sale.status())
            .arg(facts.id.number)
            .text(facts.window())
        };
        let calls: Vec<Call> = sales.iter().map(call).collect();
        self.redis.run_each(&calls).await
    }
}
