//! Calls whose deadline comes while they wait for a lock of the database.

use super::{authority, script, succeed};
use anyhow::{Result, ensure};
use platform::shop::{Stock, buyer, key};
use platform::soon;
use proto::order::v1 as pb;
use stack::wait_ok;
use std::thread;
use std::time::{Duration, Instant};
use tests::grpc::{Ended, call};

const REACHED_WITHIN: Duration = Duration::from_secs(30);
/// Keeps the blocking session open, and identifies it.
const STANDS: &str = "DO SLEEP(3601)";

/// Ends within its deadline, and its repeat makes the one order there is: by a client that says its deadline and waits
/// for the host, and by grpcio, whose clients end a call themselves.
#[test]
fn a_call_that_waits_for_a_lock() -> Result<()> {
    let platform = tests::shared();
    let (users, keys) = ([buyer(), buyer()], [key(), key()]);
    let product = platform.product(10, "db")?;
    let base = platform.api.base();
    let order = pb::CreateOrderRequest {
        user_id: users[0] as i64,
        items: vec![pb::OrderItem {
            product_id: product as i64,
            quantity: 1,
            ..pb::OrderItem::default()
        }],
        ..pb::CreateOrderRequest::default()
    };
    let own = |timeout: &str| -> Result<Ended<pb::CreateOrderResponse>> {
        let metadata = [("grpc-timeout", timeout), ("idempotency-key", &keys[0])];
        call(base, "order.v1.OrderService/CreateOrder", &order, &metadata)
    };
    let theirs = |seconds: &str| -> Result<String> {
        let ids = [users[1], product].map(|id| id.to_string());
        let mut client = script(&platform, "deadline.py")?;
        client.arg(authority(&platform.api)).args(ids);
        succeed(client.args([&keys[1], seconds])).map(|said| said.trim().to_owned())
    };
    let stopper = format!(
        "BEGIN; SELECT COUNT(*) FROM inventory.t_inventory WHERE product_id = {product} FOR UPDATE; {STANDS}"
    );
    let standing = || {
        let statement =
            format!("SELECT id FROM information_schema.processlist WHERE info = '{STANDS}'");
        platform.sql(&statement)
    };
    thread::scope(|scope| {
        let stopper = scope.spawn(|| platform.sql(&stopper));
        let story = (|| -> Result<()> {
            wait_ok(REACHED_WITHIN, "the lock", || {
                ensure!(!standing()?.is_empty(), "not yet");
                Ok(())
            })?;
            let begin = Instant::now();
            let ended = own("400m")?;
            assert_eq!(ended.refused(), (4, 10005), "{}", ended.message);
            ensure!(
                begin.elapsed() < Duration::from_secs(3),
                "{:?}",
                begin.elapsed()
            );
            assert_eq!(theirs("0.4")?, "DEADLINE_EXCEEDED");
            Ok(())
        })();
        platform.sql(&format!("KILL {}", standing()?.trim()))?;
        // The session was killed.
        let _ = stopper.join().expect("no panic");
        story
    })?;
    soon("the repeat", || own("20S")?.ok().map(drop))?;
    soon("the repeat of grpcio", || {
        let said = theirs("20")?;
        ensure!(said == "OK", "{said}");
        Ok(())
    })?;
    for user in users {
        ensure!(platform.orders_of(user)? == 1, "orders of {user}");
    }
    soon("two units locked", || {
        platform.expect_stock(product, Stock::of(8, 2, 0))
    })?;
    platform.audit().map(drop)
}
