//! More buyers than units: exactly as many orders as there are units, and books that balance.

use anyhow::{Result, ensure};
use platform::client::Reply;
use platform::shop::{Stock, buyer, key, order_body};
use platform::{Platform, soon};
use std::thread;

/// An order of one unit. A server that is too busy to wait for says so, and the buyer comes back with the same key.
fn bought(platform: &Platform, product: u64) -> Result<Reply> {
    let (key, body) = (key(), order_body(buyer(), product, 1));
    soon("an answer to a buyer", || {
        let reply = platform.api.post_once("/v1/order/create", &key, &body)?;
        ensure!(
            !matches!((reply.status, reply.code()), (503, _) | (_, 20004)),
            "{}",
            reply.text
        );
        Ok(reply)
    })
}

/// Places `buyers` orders of one unit concurrently; how many were placed, and how many were refused as sold out.
fn rush(platform: &Platform, product: u64, buyers: usize) -> Result<(usize, usize)> {
    let replies: Vec<_> = thread::scope(|scope| {
        let buy = || bought(platform, product);
        let threads: Vec<_> = (0..buyers).map(|_| scope.spawn(buy)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a reply"))
            .collect()
    });
    let (mut placed, mut short) = (0, 0);
    for reply in replies {
        let reply = reply?;
        match (reply.status, reply.code()) {
            (200, _) => placed += 1,
            (409, 30001) => short += 1,
            other => panic!("{other:?}: {}", reply.text),
        }
    }
    Ok((placed, short))
}

#[test]
fn two_hundred_buyers_of_a_hundred_units() -> Result<()> {
    let platform = tests::shared();
    let product = platform.product(100, "redis")?;
    assert_eq!(rush(&platform, product, 200)?, (100, 100));
    soon("all units locked", || {
        platform.expect_stock(product, Stock::of(0, 100, 0))
    })?;
    let shown = platform.api.get(&format!("/v1/inventory?ids={product}"))?;
    assert_eq!(shown.body["stock"][product.to_string()], 0);
    platform.audit()?;
    Ok(())
}

#[test]
fn a_rush_on_database_stock_sells_all_of_it_and_no_more() -> Result<()> {
    let platform = tests::shared();
    // Nobody is refused while there are units.
    let plenty = platform.product(400, "db")?;
    assert_eq!(rush(&platform, plenty, 60)?, (60, 0));
    // An attempt that was cut off on a busy machine holds its units until its repeat, or the relay, settles it.
    soon("units of orders alone", || {
        platform.expect_stock(plenty, Stock::of(340, 60, 0))
    })?;
    let scarce = platform.product(10, "db")?;
    assert_eq!(rush(&platform, scarce, 25)?, (10, 15));
    soon("all units sold", || {
        platform.expect_stock(scarce, Stock::of(0, 10, 0))
    })?;
    platform.audit()?;
    Ok(())
}
