//! Thousands of buyers, a hundred units, two hosts and two relays: nothing is oversold and no accepted purchase is
//! lost.

use crate::alone;
use anyhow::{Context, Result, ensure};
use platform::sale::{self, ORDINARY, Sale};
use platform::shop::buyer;
use platform::{Options, Platform, soon};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const BUYERS: usize = 5_000;
const UNITS: u32 = 100;
const CONNECTIONS: usize = 200;

/// Runs `work` for each of `items` on `CONNECTIONS` threads.
fn spread<T: Sync>(items: &[T], work: impl Fn(usize, &T) -> Result<()> + Sync) -> Result<()> {
    let (next, failure) = (AtomicUsize::new(0), Mutex::new(None));
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                while let Some((at, item)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    items.get(at).map(|item| (at, item))
                } {
                    if let Err(error) = work(at, item) {
                        *failure.lock().unwrap() = Some(error);
                        return;
                    }
                }
            });
        }
    });
    failure.into_inner().unwrap().map_or(Ok(()), Err)
}

/// All buyers get their tokens first, then all buy concurrently, `tries` times each. Returns the accepted orders by
/// buyer.
fn rush(platform: &Platform, sale: &Sale, tries: usize) -> Result<HashMap<u64, String>> {
    let apis = platform.apis();
    let buyers: Vec<u64> = (0..BUYERS).map(|_| buyer()).collect();
    let tokens = Mutex::new(Vec::with_capacity(BUYERS));
    spread(&buyers, |at, user| {
        let reply = sale::token(apis[at % apis.len()], sale, *user)?;
        tokens
            .lock()
            .unwrap()
            .push((*user, sale::token_in(&reply)?));
        Ok(())
    })?;
    let tokens: Vec<(u64, String)> = tokens.into_inner().unwrap();
    let accepted = Mutex::new(HashMap::new());
    let attempts: Vec<&(u64, String)> = (0..tries).flat_map(|_| &tokens).collect();
    spread(&attempts, |at, (user, token)| {
        let reply = sale::buy(apis[at % apis.len()], *user, token, 1)?;
        match (reply.status, reply.code()) {
            (202, 10000) => {
                let order = reply.text_at("/order_id").to_owned();
                let earlier = accepted.lock().unwrap().insert(*user, order.clone());
                let same = earlier.as_ref().is_none_or(|earlier| *earlier == order);
                ensure!(same, "{user} was given {earlier:?} and {order}");
            }
            (409, 40002) => {}
            other => anyhow::bail!("{other:?}: {}", reply.text),
        }
        Ok(())
    })?;
    Ok(accepted.into_inner().unwrap())
}

fn sells_exactly_what_there_is(tries: usize) -> Result<()> {
    let _alone = alone();
    let options = Options {
        kafka: true,
        twin: true,
        ..Options::default()
    };
    let platform = Platform::start(options)?;
    let sale = platform.sale(UNITS, 1)?;
    let accepted = rush(&platform, &sale, tries)?;
    ensure!(
        accepted.len() == UNITS as usize,
        "{} accepted",
        accepted.len()
    );
    for (user, order) in &accepted {
        soon("an accepted purchase to be an order", || {
            let reply = platform
                .api
                .get(&format!("/v1/order/{order}?user_id={user}"))?
                .expect(200)?;
            ensure!(
                reply.text_at("/order/status") == "pending",
                "{}",
                reply.text
            );
            Ok(())
        })?;
    }
    ensure!(platform.sold(sale.product)? == (i64::from(UNITS), i64::from(UNITS)));
    let late = sale::token(&platform.api, &sale, buyer())?;
    ensure!(late.code() == 40002, "{}", late.text);
    soon("all units locked", || {
        let rows = platform.stock_rows(sale.product)?;
        ensure!(
            rows == [format!("{ORDINARY} 0 0"), format!("0 {UNITS} 0")],
            "{rows:?}"
        );
        Ok(())
    })?;
    let table = platform.reconcile().context("after the rush")?;
    println!("{table}");
    Ok(())
}

#[test]
fn five_thousand_buyers_of_a_hundred_units() -> Result<()> {
    sells_exactly_what_there_is(1)
}

#[test]
fn five_thousand_buyers_who_send_three_times() -> Result<()> {
    sells_exactly_what_there_is(3)
}
