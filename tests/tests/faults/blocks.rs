//! Transactions that are a single statement, while the server or the client goes away in the middle: only the server
//! knows the outcome, and the repeat finds it.

use crate::{alone, audit};
use anyhow::{Context, Result, ensure};
use platform::shop::{Stock, buyer, key, order_body};
use platform::{Options, Platform, soon};
use stack::wait_ok;
use std::thread;
use std::time::Duration;

const REACHED_WITHIN: Duration = Duration::from_secs(30);

/// Where a block is stopped: its statement, what another session runs to block it, and the stock mode of the product.
const STOPS: [(&str, &str, &str); 3] = [
    (
        "INSERT INTO t_order_item",
        "LOCK TABLES order_0.t_order_item WRITE, order_1.t_order_item WRITE",
        "redis",
    ),
    (
        "INSERT INTO t_local_message",
        "LOCK TABLES order_0.t_local_message WRITE, order_1.t_local_message WRITE",
        "redis",
    ),
    (
        "UPDATE t_inventory",
        "BEGIN; SELECT COUNT(*) FROM inventory.t_inventory FOR UPDATE",
        "db",
    ),
];

/// Keeps the blocking session open, and identifies it.
const STANDS: &str = "DO SLEEP(3600)";

/// Ids of the server's sessions whose statement begins with this text.
fn sessions(platform: &Platform, statement: &str) -> Result<String> {
    platform.sql(&format!(
        "SELECT id FROM information_schema.processlist WHERE info LIKE '{statement}%'"
    ))
}

/// The side that goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gone {
    Server,
    Client,
}

fn goes_away(gone: Gone) -> Result<()> {
    let _alone = alone();
    let platform = Platform::start(Options::default())?;
    // The relay's claims would wait for the same locks, and do not belong to this test.
    platform.relay.stop()?;
    let (victim, api) = platform.host_with("victim", &[])?;
    for (statement, stop, mode) in STOPS {
        let case = || format!("{gone:?} goes away at {statement}");
        let (user, key, product) = (buyer(), key(), platform.product(10, mode)?);
        let body = order_body(user, product, 1);
        thread::scope(|scope| {
            let stopper = scope.spawn(|| platform.sql(&format!("{stop}; {STANDS}")));
            let story = (|| -> Result<()> {
                wait_ok(REACHED_WITHIN, "the stopper", || {
                    ensure!(!sessions(&platform, STANDS)?.is_empty(), "not yet");
                    Ok(())
                })?;
                let request = scope.spawn(|| api.post_once("/v1/order/create", &key, &body));
                wait_ok(REACHED_WITHIN, "the block", || {
                    ensure!(!sessions(&platform, statement)?.is_empty(), "not yet");
                    Ok(())
                })?;
                match gone {
                    Gone::Server => platform.mariadb.process.kill(),
                    Gone::Client => victim.kill(),
                }
                let answer = request.join().expect("no panic");
                ensure!(
                    answer.as_ref().is_ok_and(|reply| reply.status == 503) || gone == Gone::Client,
                    "{answer:?}"
                );
                Ok(())
            })();
            if gone == Gone::Client || story.is_err() {
                let stands = sessions(&platform, STANDS)?;
                platform.sql(&format!("KILL {}", stands.trim()))?;
            }
            // The session was killed, or its server was.
            let _ = stopper.join().expect("no panic");
            story
        })
        .with_context(case)?;
        match gone {
            Gone::Server => platform.mariadb.process.start()?,
            Gone::Client => victim.start()?,
        }
        audit::never_wrong(&platform)?;
        let order = soon("the repeat", || {
            let reply = platform.api.post_once("/v1/order/create", &key, &body)?;
            Ok(reply.expect(200)?.text_at("/order_id").to_owned())
        })
        .with_context(case)?;
        ensure!(platform.orders_of(user)? == 1, "{}: {order}", case());
        platform.relay.start()?;
        soon("one unit locked", || {
            platform.expect_stock(product, Stock::of(9, 1, 0))
        })
        .with_context(case)?;
        platform.relay.stop()?;
    }
    platform.relay.start()?;
    audit::rests(&platform)?;
    platform.reconcile().map(drop)
}

#[test]
fn whose_server_is_killed() -> Result<()> {
    goes_away(Gone::Server)
}

#[test]
fn whose_client_is_killed() -> Result<()> {
    goes_away(Gone::Client)
}
