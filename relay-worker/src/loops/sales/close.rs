//! Closes activities whose time is over, in Redis first: once the database calls one ended, nobody can buy in it.

use super::care::{Care, Task};
use super::{Over, Sales};
use crate::limits::SALES_MAX;
use domain::Ms;
use domain::seckill::SeckillStatus;
use sqlx::Row as _;

impl Sales {
    /// Ends every open activity whose time is over.
    ///
    /// # Errors
    /// When a server is away; what was not ended is ended later.
    pub async fn close(&self, care: &mut Care, now: Ms) -> anyhow::Result<()> {
        let mut after = 0_u64;
        loop {
            let rows = sqlx::query(
                "SELECT id, product_id, sku_id FROM seckill_activity WHERE status = ? AND ends_at <= ? AND id > ? \
                 ORDER BY id LIMIT ?",
            )
            .bind(SeckillStatus::Open.code())
            .bind(now)
            .bind(after)
            .bind(SALES_MAX)
            .fetch_all(&self.databases.inventory.pool)
            .await?;
            let over = readable(care, Task::Close, &rows)?;
            let promised = self.promised(&over).await?;
            for (sale, promised) in over.iter().zip(promised) {
                let ended = match promised {
                    Ok(_) => self.end(sale, now).await,
                    Err(error) => Err(error),
                };
                care.ended(Task::Close, sale.id.number.into(), ended);
            }
            match rows.last() {
                Some(last) if rows.len() == SALES_MAX as usize => after = last.try_get(0)?,
                _ => return Ok(()),
            }
        }
    }

    async fn end(&self, sale: &Over, now: Ms) -> anyhow::Result<()> {
        let ended = sqlx::query(
            "UPDATE seckill_activity SET status = ?, updated_at = ? WHERE id = ? AND status = ?",
        )
        .bind(SeckillStatus::Ended.code())
        .bind(now)
        .bind(sale.id.number)
        .bind(SeckillStatus::Open.code())
        .execute(&self.databases.inventory.pool)
        .await?
        .rows_affected();
        if ended == 1 {
            tracing::info!(seckill_id = %sale.id, "the flash sale is over");
        }
        Ok(())
    }
}

/// The sales of these rows, without those that back off or cannot be read.
pub(super) fn readable(
    care: &mut Care,
    task: Task,
    rows: &[sqlx::mysql::MySqlRow],
) -> sqlx::Result<Vec<Over>> {
    let mut readable = Vec::with_capacity(rows.len());
    for row in rows {
        let number = row.try_get(0)?;
        if care.is_left_alone(task, number) {
            continue;
        }
        match Over::read(row) {
            Ok(sale) => readable.push(sale),
            Err(error) => drop(care.ended::<()>(task, number, Err(error))),
        }
    }
    Ok(readable)
}
