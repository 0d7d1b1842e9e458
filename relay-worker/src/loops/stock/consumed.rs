//! The messages that the stock consumer has applied: logged in the transaction that applies them, once each.

use super::message::StockMove;
use crate::clients::database::{assembled, padded};
use crate::limits::STATEMENT_ROWS_MAX;
use contract::store::sql::{NOW_MS, placeholders};
use contract::wire::message::INVENTORY_GROUP;
use sqlx::mysql::MySqlConnection;
use sqlx::{MySql, Transaction};
use std::collections::HashSet;

/// Those of these message ids that have been applied.
///
/// # Errors
/// When the database fails.
pub async fn known(session: &mut MySqlConnection, ids: &[&str]) -> sqlx::Result<HashSet<String>> {
    let ids = padded(ids);
    let sql = format!(
        "SELECT message_id FROM t_message_consume_log WHERE consumer_group = ? AND message_id IN ({})",
        placeholders(ids.len())
    );
    let mut query = sqlx::query_scalar(assembled(sql)).bind(INVENTORY_GROUP);
    for id in &ids {
        query = query.bind(*id);
    }
    Ok(query.fetch_all(session).await?.into_iter().collect())
}

/// Logs messages as applied. The unique key lets one relay through; a second one waits here, fails, and finds them
/// known on its next try.
///
/// # Errors
/// When the database fails, or one of them is known.
pub async fn note(tx: &mut Transaction<'_, MySql>, fresh: &[StockMove]) -> sqlx::Result<()> {
    const OK: u8 = 1;
    let mut ids: Vec<&str> = fresh.iter().map(|one| one.message_id.as_str()).collect();
    ids.sort_unstable();
    for chunk in ids.chunks(STATEMENT_ROWS_MAX) {
        let row = format!("(?, ?, ?, {NOW_MS})");
        let sql = format!(
            "INSERT INTO t_message_consume_log (message_id, consumer_group, status, consumed_at) VALUES {}",
            vec![row; chunk.len()].join(", ")
        );
        let mut query = sqlx::query(assembled(sql));
        for id in chunk {
            query = query.bind(*id).bind(INVENTORY_GROUP).bind(OK);
        }
        query.execute(&mut **tx).await?;
    }
    Ok(())
}
