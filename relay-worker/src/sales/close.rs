//! Activities whose time is over, in Redis first: nobody buys any more when the database calls them ended.

use super::{Over, Sales};
use crate::limits::SALES_MAX;
use domain::Ms;
use domain::seckill::SeckillStatus;

impl Sales {
    /// Ends every open activity whose time is over.
    ///
    /// # Errors
    /// When a server is away; what was not ended is ended later.
    pub async fn close(&self, now: Ms) -> anyhow::Result<()> {
        let pool = &self.databases.inventory.pool;
        loop {
            let rows = sqlx::query(
                "SELECT id, product_id, sku_id FROM seckill_activity WHERE status = ? AND ends_at <= ? \
                 ORDER BY ends_at LIMIT ?",
            )
            .bind(SeckillStatus::Open.code())
            .bind(now)
            .bind(SALES_MAX)
            .fetch_all(pool)
            .await?;
            let over = rows
                .iter()
                .map(Over::read)
                .collect::<anyhow::Result<Vec<Over>>>()?;
            self.promised(&over).await?;
            for sale in &over {
                let ended = sqlx::query(
                    "UPDATE seckill_activity SET status = ?, updated_at = ? WHERE id = ? AND status = ?",
                )
                .bind(SeckillStatus::Ended.code())
                .bind(now)
                .bind(sale.id.number)
                .bind(SeckillStatus::Open.code())
                .execute(pool)
                .await?
                .rows_affected();
                if ended == 1 {
                    tracing::info!(seckill_id = %sale.id, "the flash sale is over");
                }
            }
            if over.len() < SALES_MAX as usize {
                return Ok(());
            }
        }
    }
}
