//! Orders written directly into the databases, by the million if needed: the rows that the functions would have
//! written, without outbox rows, as if these had been published and deleted.

use anyhow::{Context, Result, ensure};
use domain::id::EPOCH_MS;
use domain::{OrderId, UserId};
use platform::Platform;
use platform::sale::now_ms;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// Each of these orders has one unit of this product.
const PRODUCT: u64 = 1;
const PRICE_CENTS: u64 = 9_999;
/// Bits of an id's tick below its milliseconds.
const SEQUENCE_BITS: u32 = 12;

/// `per_user` pending orders for each of `users` users from `first` on, one per millisecond, the last an hour ago.
///
/// # Errors
/// Those of the database.
pub fn orders(
    platform: &Platform,
    shards: u64,
    first: u64,
    users: u64,
    per_user: u64,
) -> Result<Vec<(u64, OrderId)>> {
    // Orders of one call have different milliseconds; those of several calls differ in this sequence number.
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let sequence = CALLS.fetch_add(1, Ordering::Relaxed) % (1 << SEQUENCE_BITS);
    let count = users * per_user;
    let newest = now_ms() - 3_600_000;
    let mut made = Vec::with_capacity(count as usize);
    for at in 0..count {
        let user = first + at % users;
        let minted = newest - (count - at);
        let tick = ((minted - EPOCH_MS) << SEQUENCE_BITS) | sequence;
        let id = OrderId::compose(tick, UserId::new(user).gene());
        made.push((user, id.context("no such tick")?));
    }
    for shard in 0..shards {
        let own = made.iter().filter(|(user, _)| user % shards == shard);
        load(platform, shard, own)?;
    }
    Ok(made)
}

fn load<'a>(
    platform: &Platform,
    shard: u64,
    rows: impl Iterator<Item = &'a (u64, OrderId)>,
) -> Result<()> {
    let folder = platform.home().path();
    let (orders, items) = (folder.join("orders.tsv"), folder.join("items.tsv"));
    let (mut order_file, mut item_file) = (
        BufWriter::new(File::create(&orders)?),
        BufWriter::new(File::create(&items)?),
    );
    for (user, id) in rows {
        let (no, at) = (id.order_no(), id.minted_at());
        writeln!(
            order_file,
            "{id}\t{user}\t{no}\t{PRICE_CENTS}\t0\t{PRICE_CENTS}\t{at}\t{at}"
        )?;
        writeln!(
            item_file,
            "{id}\t{PRODUCT}\t0\tproduct {PRODUCT}\t{PRICE_CENTS}\t1\t{PRICE_CENTS}\t{at}"
        )?;
    }
    order_file.flush()?;
    item_file.flush()?;
    let statements = format!(
        "SET unique_checks = 0; SET foreign_key_checks = 0;
         LOAD DATA LOCAL INFILE '{}' INTO TABLE order_{shard}.t_order (id, user_id, order_no, total_amount, discount_amount, actual_amount, created_at, updated_at);
         LOAD DATA LOCAL INFILE '{}' INTO TABLE order_{shard}.t_order_item (order_id, product_id, sku_id, product_name, price, quantity, subtotal, created_at);",
        orders.display(),
        items.display()
    );
    let output = Command::new("mariadb")
        .arg(format!(
            "--defaults-file={}",
            platform.mariadb.client_file().display()
        ))
        .args(["--local-infile=1", "--batch", "--execute", &statements])
        .stdin(Stdio::null())
        .output()
        .context("cannot run mariadb")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "seeding shard {shard}: {}",
        said.trim()
    );
    std::fs::remove_file(orders)?;
    std::fs::remove_file(items)?;
    Ok(())
}

/// Products with their stock in Redis, numbered from `first` on.
///
/// # Errors
/// Those of the database.
pub fn products(platform: &Platform, first: u64, count: u64) -> Result<()> {
    let at = now_ms();
    let numbers: Vec<u64> = (first..first + count).collect();
    for chunk in numbers.chunks(1_000) {
        let rows =
            |row: &dyn Fn(&u64) -> String| chunk.iter().map(row).collect::<Vec<_>>().join(",");
        let products = rows(&|id| format!("({id},'product {id}',{PRICE_CENTS},{at},{at})"));
        let stock = rows(&|id| format!("({id},1000,1000,1000,{at},{at})"));
        platform.sql(&format!(
            "INSERT INTO inventory.products (id, name, price, created_at, updated_at) VALUES {products};
             INSERT INTO inventory.t_inventory (product_id, available_stock, total_stock, seeded_stock, created_at, updated_at) VALUES {stock}"
        ))?;
    }
    Ok(())
}
