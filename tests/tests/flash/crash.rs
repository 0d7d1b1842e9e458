//! A sale during which the relay or Redis is killed again and again: every purchase answered 202 becomes an order or a
//! failure with a reason, and nothing is oversold.

use crate::alone;
use anyhow::{Context, Result, ensure};
use platform::sale::{self, Sale};
use platform::shop::buyer;
use platform::{Options, Platform, soon};
use stack::{Process, wait_for};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const THREADS: usize = 8;
const KILLS: usize = 4;
/// Purchases accepted between two kills.
const BETWEEN: usize = 150;
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Default)]
struct Buyers {
    accepted: Mutex<Vec<(u64, String)>>,
    enough: AtomicBool,
}

impl Buyers {
    fn accepted(&self) -> usize {
        self.accepted.lock().unwrap().len()
    }

    /// Buys until `enough` is set. Only purchases answered 202 count.
    fn go_on(&self, platform: &Platform, sale: &Sale) {
        while !self.enough.load(Ordering::Relaxed) {
            let user = buyer();
            let token =
                sale::token(&platform.api, sale, user).and_then(|reply| sale::token_in(&reply));
            let bought = token.and_then(|token| sale::buy(&platform.api, user, &token, 1));
            match bought {
                Ok(reply) if reply.status == 202 => {
                    let order = reply.text_at("/order_id").to_owned();
                    self.accepted.lock().unwrap().push((user, order));
                }
                // A platform that is down refuses at once: try again when it is healthy, or after a moment.
                _ => {
                    let serves = || {
                        platform
                            .api
                            .get("/health")
                            .is_ok_and(|reply| reply.status == 200)
                    };
                    let _ = wait_for(Duration::from_millis(100), "service", serves);
                }
            }
        }
    }
}

fn survive(what: &str, victim: impl Fn(&Platform) -> &Process) -> Result<()> {
    let _alone = alone();
    let platform = Platform::start(Options::default())?;
    let units = 20_000;
    let sale = platform.sale(units, 1)?;
    let buyers = Buyers::default();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| buyers.go_on(&platform, &sale));
        }
        let story = (|| {
            for blow in 0..KILLS {
                let before = buyers.accepted();
                wait_for(PATIENCE, "purchases", || {
                    buyers.accepted() >= before + BETWEEN
                })?;
                victim(&platform).kill();
                victim(&platform)
                    .start()
                    .with_context(|| format!("{what} after blow {blow}"))?;
            }
            let before = buyers.accepted();
            wait_for(PATIENCE, "purchases after the last blow", || {
                buyers.accepted() >= before + BETWEEN
            })
        })();
        buyers.enough.store(true, Ordering::Relaxed);
        story
    })?;
    let accepted = buyers.accepted.into_inner().unwrap();
    for (user, order) in &accepted {
        soon("an accepted purchase to be settled", || {
            platform.settled(*user, order)
        })?;
    }
    let (orders, users) = platform.sold(sale.product)?;
    ensure!(orders == users, "{orders} orders of {users} buyers");
    ensure!(orders <= i64::from(units), "oversold: {orders}");
    let table = platform.reconcile()?;
    println!(
        "{what}: {} accepted, {orders} orders\n{table}",
        accepted.len()
    );
    Ok(())
}

#[test]
fn of_the_relay() -> Result<()> {
    survive("relay-worker", |platform| &platform.relay)
}

#[test]
fn of_redis() -> Result<()> {
    survive("Redis", |platform| &platform.redis.process)
}
