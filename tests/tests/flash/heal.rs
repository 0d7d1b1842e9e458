//! A sale recovers by itself after Redis lost all data: nobody buys twice, and nothing is oversold. Also: two sales of
//! a product, a purchase repeated after its order was cancelled, and a product that is off sale.

use crate::alone;
use anyhow::{Context, Result, ensure};
use platform::sale::{self, Sale, now_ms};
use platform::shop::buyer;
use platform::{Options, Platform, soon};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const THREADS: u64 = 6;
const UNITS: u32 = 400;
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_running_sale_survives_the_loss_of_all_of_redis() -> Result<()> {
    let _alone = alone();
    let platform = Platform::start(Options::default())?;
    let sale = platform.sale(UNITS, 1)?;
    let accepted = Mutex::new(HashMap::<u64, Vec<String>>::new());
    let (enough, count) = (AtomicBool::new(false), || accepted.lock().unwrap().len());
    let users: Vec<u64> = (0..THREADS * 60).map(|_| buyer()).collect();
    thread::scope(|scope| -> Result<()> {
        for thread in 0..THREADS {
            let (platform, sale, accepted, enough) = (&platform, &sale, &accepted, &enough);
            let mine = users.iter().skip(thread as usize).step_by(THREADS as usize);
            // Each buyer tries again and again, also after a purchase.
            scope.spawn(move || {
                for user in mine.cycle() {
                    if enough.load(Ordering::Relaxed) {
                        return;
                    }
                    let token = sale::token(&platform.api, sale, *user);
                    let bought = token
                        .and_then(|reply| sale::token_in(&reply))
                        .and_then(|token| sale::buy(&platform.api, *user, &token, 1));
                    if let Ok(reply) = bought
                        && reply.status == 202
                    {
                        let order = reply.text_at("/order_id").to_owned();
                        let mut accepted = accepted.lock().unwrap();
                        let orders = accepted.entry(*user).or_default();
                        if !orders.contains(&order) {
                            orders.push(order);
                        }
                    }
                }
            });
        }
        let story = (|| {
            for lost in 1..=2 {
                let before = count();
                stack::wait_for(PATIENCE, "purchases", || count() >= before + 60)?;
                let mut redis = platform.redis_connection()?;
                let _: () = redis::cmd("FLUSHALL").query(&mut redis)?;
                let before = count();
                stack::wait_for(PATIENCE, "the sale to go on", || count() > before)
                    .with_context(|| format!("after loss {lost}"))?;
            }
            Ok(())
        })();
        enough.store(true, Ordering::Relaxed);
        story
    })?;
    // Purchases accepted just before a loss may be gone; those that remain exist once.
    soon("the purchases to be written", || {
        let mut redis = platform.redis_connection()?;
        let waiting: u64 = redis::cmd("XLEN")
            .arg(format!("{{p{}}}:intake", sale.product))
            .query(&mut redis)?;
        ensure!(waiting == 0, "{waiting}");
        Ok(())
    })?;
    let table = platform.reconcile()?;
    let (orders, buyers) = platform.sold(sale.product)?;
    ensure!(orders == buyers, "{orders} orders of {buyers} buyers");
    ensure!(orders <= i64::from(UNITS), "{orders} orders");
    let twice = platform.number(
        "SELECT COUNT(*) FROM inventory.order_failures WHERE error_message LIKE '%already bought%'",
    )?;
    ensure!(twice == 0, "{twice} were sold a second one");
    println!(
        "{} accepted, {orders} orders\n{table}",
        accepted.lock().unwrap().len()
    );
    Ok(())
}

/// A second sale of a product; `starts` and `ends` in ms from now.
fn second(platform: &Platform, first: &Sale, starts: u64, ends: u64) -> Result<Sale> {
    let body = json!({
        "product_id": first.product, "price": "9.90", "stock": 5, "per_user_limit": 1,
        "starts_at": now_ms() + starts, "ends_at": now_ms() + ends,
    });
    let reply = platform.api.post("/api/v1/seckill/activities", &body)?;
    ensure!(reply.status / 100 == 2, "{}", reply.text);
    let sale = Sale {
        id: reply.text_at("/seckill_id").to_owned(),
        product: first.product,
    };
    platform.preheat(&sale)?.expect(200)?;
    Ok(sale)
}

#[test]
fn the_next_sale_of_a_product_leaves_the_running_one_alone() -> Result<()> {
    let platform = tests::shared();
    let running = platform.sale(10, 1)?;
    let (early, late) = (buyer(), buyer());
    let before = sale::token_in(&sale::token(&platform.api, &running, early)?)?;
    let next = second(&platform, &running, 3_600_000, 7_200_000)?;
    sale::buy(&platform.api, early, &before, 1)?.expect(202)?;
    // A request that names only the product gets the running sale.
    let body = json!({ "user_id": late, "product_id": running.product });
    let reply = platform
        .api
        .post("/api/v1/seckill/token", &body)?
        .expect(200)?;
    ensure!(reply.text_at("/seckill_id") == running.id, "{}", reply.text);
    let token = sale::token_in(&reply)?;
    sale::buy(&platform.api, late, &token, 1)?.expect(202)?;
    let early_bird = sale::token(&platform.api, &next, late)?;
    ensure!(
        early_bird.text.contains("has not started"),
        "{}",
        early_bird.text
    );
    soon("both to be orders", || {
        let sold = platform.sold(running.product)?;
        ensure!(sold == (2, 2), "{sold:?}");
        Ok(())
    })?;
    platform.audit()?;
    Ok(())
}

#[test]
fn a_repeat_after_the_end_of_its_order_tells_that() -> Result<()> {
    let platform = tests::shared();
    let sale = platform.sale(10, 1)?;
    let user = buyer();
    let token = sale::token_in(&sale::token(&platform.api, &sale, user)?)?;
    let bought = sale::buy(&platform.api, user, &token, 1)?.expect(202)?;
    ensure!(bought.text_at("/status") == "queued", "{}", bought.text);
    let order = bought.text_at("/order_id").to_owned();
    soon("the order to be cancelled", || {
        let path = format!("/v1/order/{order}/cancel");
        platform.api.post(&path, &json!({}))?.expect(200)?;
        Ok(())
    })?;
    let again = sale::buy(&platform.api, user, &token, 1)?.expect(202)?;
    ensure!(again.text_at("/status") == "cancelled", "{}", again.text);
    platform.audit()?;
    Ok(())
}

#[test]
fn a_product_that_is_off_sale_does_not_sell_in_a_sale() -> Result<()> {
    let platform = tests::shared();
    let (running, planned) = (
        platform.sale(1_000, 1)?,
        platform.announce(5, 1, -1_000, 3_600_000)?,
    );
    let set = |product: u64, status: u8| {
        platform.sql(&format!(
            "UPDATE inventory.products SET status = {status}, updated_at = updated_at + 1 WHERE id = {product}"
        ))
    };
    set(planned.product, 0)?;
    let refused = platform.preheat(&planned)?.expect(409)?;
    ensure!(refused.code() == 40005, "{}", refused.text);
    set(running.product, 0)?;
    soon("the running sale to stop", || {
        let reply = sale::token(&platform.api, &running, buyer())?.expect(409)?;
        ensure!(reply.text.contains("is not on sale"), "{}", reply.text);
        Ok(())
    })?;
    set(running.product, 1)?;
    soon("it to go on", || {
        sale::token(&platform.api, &running, buyer())?.expect(200)?;
        Ok(())
    })?;
    Ok(())
}
