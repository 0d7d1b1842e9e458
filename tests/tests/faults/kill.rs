//! `kill -9` under load: of the relay, the host, Redis and MariaDB. Afterwards the books balance and every answer given
//! to a client still holds.

use crate::load::Load;
use crate::{alone, audit};
use anyhow::{Context, Result, ensure};
use platform::{Options, Platform};
use stack::{Process, wait_for};
use std::thread;
use std::time::Duration;

/// Orders placed before the kill, and again after the restart.
const ORDERS: usize = 150;
const PATIENCE: Duration = Duration::from_secs(60);

fn survive(what: &str, victim: impl Fn(&Platform) -> &Process) -> Result<()> {
    let _alone = alone();
    let platform = Platform::start(Options::default())?;
    let products = [
        platform.product(100_000, "redis")?,
        platform.product(100_000, "db")?,
    ];
    let load = Load::default();
    thread::scope(|scope| {
        let threads = load.start(scope, &platform, &products);
        let story = (|| {
            wait_for(PATIENCE, "load", || load.placed() >= ORDERS)?;
            victim(&platform).kill();
            victim(&platform)
                .start()
                .with_context(|| format!("{what} after kill -9"))?;
            let before = load.placed();
            wait_for(PATIENCE, "load after the restart", || {
                load.placed() >= before + ORDERS
            })
        })();
        load.enough();
        for thread in threads {
            thread.join().expect("load threads do not panic");
        }
        story
    })?;
    ensure!(
        platform.relay.pid().is_some(),
        "the relay ended:\n{}",
        platform.relay.last_words()
    );
    ensure!(
        platform.host.pid().is_some(),
        "the host ended:\n{}",
        platform.host.last_words()
    );
    load.repeat(&platform)?;
    load.hold_to_promises(&platform)?;
    let table = platform.reconcile()?;
    load.hold_to_promises(&platform)?;
    audit::nothing_odd(&platform, &platform.relay)?;
    println!(
        "{what}: {} orders placed, {} requests failed\n{table}",
        load.placed(),
        load.failed()
    );
    Ok(())
}

#[test]
fn of_the_relay() -> Result<()> {
    survive("relay-worker", |platform| &platform.relay)
}

#[test]
fn of_the_host() -> Result<()> {
    survive("host-adapter", |platform| &platform.host)
}

#[test]
fn of_redis() -> Result<()> {
    survive("Redis", |platform| &platform.redis.process)
}

#[test]
fn of_mariadb() -> Result<()> {
    survive("MariaDB", |platform| &platform.mariadb.process)
}
