//! Reads of so many shapes that their statements are more than a database server keeps prepared.

use crate::crowd::crowd;
use crate::shop::Shop;
use crate::siege::{Target, attack_lasts};
use crate::wire::{Wire, get};
use anyhow::{Context, Result, ensure};
use platform::Platform;
use platform::shop::{buyer, placed};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const READS: usize = 11_000;
const CLIENTS: usize = 32;
/// Each in a shard of its own, with as many orders as the longest page.
const BUYERS: usize = 2;
const ORDERS_EACH: usize = 100;
/// How long a reply may take while all others are requested too.
const WITHIN: Duration = Duration::from_secs(5);
/// All reads together may take this many times the duration of an attack.
const TIMES: u32 = 5;

/// What can be read.
struct Orders {
    product: u64,
    users: Vec<u64>,
    ids: Vec<String>,
    /// The number of the next read.
    next: AtomicUsize,
}

impl Orders {
    fn place(shop: &Shop) -> Result<Arc<Orders>> {
        let product = shop.product();
        let users: Vec<u64> = (0..BUYERS).map(|_| buyer()).collect();
        let mut ids = Vec::new();
        for user in users.iter().cycle().take(BUYERS * ORDERS_EACH) {
            ids.push(placed(&shop.platform.order(*user, product, 1)?)?);
        }
        let next = AtomicUsize::new(0);
        Ok(Arc::new(Orders {
            next,
            product,
            users,
            ids,
        }))
    }

    /// The path of a read: a hundred page sizes under all combinations of filters, up to a hundred products, or one
    /// order.
    fn path(&self, number: usize) -> String {
        let (size, round) = (number % 100 + 1, number / 100);
        let user = self.users[number % self.users.len()];
        if round % 4 == 3 {
            let ids: Vec<_> = (1..=size).map(|id| id.to_string()).collect();
            return format!("/v1/inventory?ids={}", ids.join(","));
        }
        if size % 10 == 9 {
            return format!("/v1/order/{}", self.ids[number % self.ids.len()]);
        }
        let filters = round / 4 * 3 + round % 4;
        let choices = [
            format!("&user_id={user}"),
            "&status=pending".to_owned(),
            "&from=2024-01-01".to_owned(),
            "&to=2100-01-01".to_owned(),
            format!("&product_id={}", self.product),
        ];
        let chosen = choices
            .iter()
            .enumerate()
            .filter(|(bit, _)| filters >> bit & 1 == 1)
            .map(|(_, choice)| choice.as_str());
        let chosen: String = chosen.collect();
        format!("/v1/order/search?page_size={size}{chosen}")
    }
}

async fn read(orders: Arc<Orders>, target: Target) -> Result<()> {
    let mut wire = Wire::connect(target.address).await?;
    loop {
        let number = orders.next.fetch_add(1, Ordering::Relaxed);
        if number >= READS || target.is_over() {
            return Ok(());
        }
        let path = orders.path(number);
        wire.send(&get(&path)).await?;
        let reply = wire.reply(WITHIN).await.context("a read")?;
        let (status, text) = (reply.status, reply.text());
        ensure!(status == 200, "{status} {}", without_trace(&text));
    }
}

/// Equal for all replies that differ only in the trace.
fn without_trace(text: &str) -> &str {
    text.split("\"trace_id\"").next().unwrap_or_default()
}

async fn read_all(target: Target, orders: Arc<Orders>) -> Result<()> {
    let all = orders.clone();
    let outcome = crowd(target, CLIENTS, move |_| read(orders.clone(), target)).await;
    println!("{} reads", all.next.load(Ordering::Relaxed).min(READS));
    outcome
}

#[test]
fn reads_of_every_shape() -> Result<()> {
    let shop = Shop::open()?;
    let orders = Orders::place(&shop)?;
    shop.besiege(|target| {
        let until = Instant::now() + attack_lasts() * TIMES;
        read_all(Target { until, ..target }, orders)
    });
    let kept = "SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'";
    println!("{}", shop.platform.sql(kept)?);
    Ok(())
}

/// Limits the server to `FEW` prepared statements while this lives. All of them are the host's: what a relay keeps
/// grows with its work, so there is none meanwhile.
struct Scarce(&'static Platform);

impl Scarce {
    const FEW: u32 = 260;
    const DEFAULT: u32 = 16_382;

    fn begin(platform: &'static Platform) -> Result<Scarce> {
        platform.relay.kill();
        set(platform, Scarce::FEW)?;
        Ok(Scarce(platform))
    }
}

impl Drop for Scarce {
    fn drop(&mut self) {
        let _ = set(self.0, Scarce::DEFAULT);
        let _ = self.0.relay.start();
    }
}

fn set(platform: &Platform, most: u32) -> Result<()> {
    platform.sql(&format!("SET GLOBAL max_prepared_stmt_count = {most}"))?;
    Ok(())
}

#[test]
fn reads_of_every_shape_where_few_statements_are_kept() -> Result<()> {
    let shop = Shop::open()?;
    let orders = Orders::place(&shop)?;
    let platform = shop.platform;
    shop.besiege(async move |target: Target| {
        let _scarce = Scarce::begin(platform)?;
        read_all(target, orders).await
    });
    Ok(())
}
