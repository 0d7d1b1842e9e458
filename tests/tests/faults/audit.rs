//! What is looked at after a fault: what must never be wrong, not even for a moment, and what must be right once the
//! platform rests.

use anyhow::{Result, ensure};
use platform::{Platform, SHARDS, soon};
use stack::Process;
use std::collections::BTreeSet;

/// Both shards' answers to one query, in which `order_N` stands for the shard.
pub fn over_shards(query: &str, join: &str) -> String {
    let shards = (0..SHARDS).map(|shard| query.replace("order_N", &format!("order_{shard}")));
    shards.collect::<Vec<_>>().join(join)
}

/// The sum of a query's numbers over the shards.
fn count(platform: &Platform, query: &str) -> Result<i64> {
    platform.number(&format!("SELECT ({})", over_shards(query, ") + (")))
}

/// True at every moment: no unit is made, lost or promised twice by the databases, and no buyer, each of whom sends one
/// key, has two orders.
pub fn never_wrong(platform: &Platform) -> Result<()> {
    let strange = platform.sql(
        "SELECT product_id, sku_id, available_stock, locked_stock, sold_stock, seeded_stock FROM inventory.t_inventory \
         WHERE available_stock + locked_stock + sold_stock <> seeded_stock OR locked_stock + sold_stock > seeded_stock",
    )?;
    ensure!(strange.is_empty(), "stock that does not add up: {strange}");
    let twice = over_shards(
        "SELECT user_id, COUNT(*) FROM order_N.t_order GROUP BY user_id HAVING COUNT(*) > 1",
        " UNION ALL ",
    );
    let twice = platform.sql(&twice)?;
    ensure!(twice.is_empty(), "buyers with two orders: {twice}");
    Ok(())
}

/// Every event is published and taken in.
pub fn rests(platform: &Platform) -> Result<()> {
    soon("an empty outbox", || {
        let waiting = count(
            platform,
            "SELECT COUNT(*) FROM order_N.t_local_message WHERE status < 2",
        )?;
        ensure!(waiting == 0, "{waiting} rows wait");
        Ok(())
    })
}

/// No loop of the relay was started again, no message did not fit what is stored, and nothing was given up but what was
/// bought twice.
pub fn nothing_odd(platform: &Platform, relay: &Process) -> Result<()> {
    let metrics = platform.metrics_of(relay)?;
    for name in [
        "relay_loops_restarted_total",
        "relay_stock_anomalies_total",
        "relay_dead_letters_total",
    ] {
        let line = format!("{name} 0");
        ensure!(
            metrics.lines().any(|have| have == line),
            "not {line:?}:\n{metrics}"
        );
    }
    let dead = count(
        platform,
        "SELECT COUNT(*) FROM order_N.t_local_message WHERE status = 3",
    )?;
    // A failure that became an order is none.
    let failed = platform.number(
        "SELECT COUNT(*) FROM inventory.order_failures WHERE status <> 2 \
         AND error_message NOT LIKE 'already bought in this flash sale%'",
    )?;
    ensure!(
        (dead, failed) == (0, 0),
        "{dead} events and {failed} messages were given up"
    );
    Ok(())
}

/// Units of a product that is sold one by one: available are those without an order, once what a dead request had
/// reserved is old enough to be returned. There are never more.
pub fn exact(platform: &Platform, product: u64, seeded: i64) -> Result<()> {
    const CANCELLED: u8 = 4;
    let missing = || -> Result<i64> {
        let sold = count(
            platform,
            &format!(
                "SELECT COUNT(*) FROM order_N.t_order o JOIN order_N.t_order_item i ON i.order_id = o.id \
                 WHERE i.product_id = {product} AND o.status <> {CANCELLED}"
            ),
        )?;
        let available = platform.number(&format!(
            "SELECT SUM(available_stock) FROM inventory.t_inventory WHERE product_id = {product}"
        ))?;
        Ok(seeded - sold - available)
    };
    ensure!(missing()? >= 0, "product {product}: units too many");
    soon("all units", || {
        let missing = missing()?;
        ensure!(missing == 0, "product {product}: {missing} units missing");
        Ok(())
    })
}

/// Ids of all orders.
pub fn order_ids(platform: &Platform) -> Result<BTreeSet<String>> {
    let ids = platform.sql(&over_shards(
        "SELECT id FROM order_N.t_order",
        " UNION ALL ",
    ))?;
    Ok(ids.lines().map(str::to_owned).collect())
}
