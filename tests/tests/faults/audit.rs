//! Checks after a fault: what must hold at every moment, and what must hold once the platform rests.

use anyhow::{Result, ensure};
use platform::{Platform, SHARDS, soon};
use stack::Process;
use std::collections::BTreeSet;

/// The query for each shard, where `order_N` stands for the shard's name, joined by `join`.
pub fn over_shards(query: &str, join: &str) -> String {
    let shards = (0..SHARDS).map(|shard| query.replace("order_N", &format!("order_{shard}")));
    shards.collect::<Vec<_>>().join(join)
}

/// The sum over the shards of a query's number.
fn count(platform: &Platform, query: &str) -> Result<i64> {
    platform.number(&format!("SELECT ({})", over_shards(query, ") + (")))
}

/// Holds at every moment: the databases create, lose or reserve no unit twice, and no buyer has two orders, since each
/// sends one key.
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

/// Waits until every event is published and consumed.
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

/// No loop of the relay was restarted, every message matched the stored state, and nothing was given up except second
/// purchases by the same buyer.
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
    // A failure that became an order does not count.
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

/// Units of a product that is sold one by one: all units without an order are available, once reservations of dead
/// requests are old enough to be released. There are never more.
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

pub fn order_ids(platform: &Platform) -> Result<BTreeSet<String>> {
    let ids = platform.sql(&over_shards(
        "SELECT id FROM order_N.t_order",
        " UNION ALL ",
    ))?;
    Ok(ids.lines().map(str::to_owned).collect())
}
