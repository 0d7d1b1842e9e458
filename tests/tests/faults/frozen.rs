//! A host or relay that freezes in the middle of a transaction (a stopped process, a failed machine) keeps its row
//! locks for seconds, not for hours, and the other processes go on.

use crate::alone;
use anyhow::{Context, Result, ensure};
use platform::client::{Client, Reply};
use platform::shop::{buyer, key, order_body, placed};
use platform::{Options, Platform};
use serde_json::json;
use stack::steps::{Action, Protocol, Steps};
use stack::{Process, wait_ok};
use std::thread;
use std::time::{Duration, Instant};

const STEP_WITHIN: Duration = Duration::from_secs(30);
/// Three seconds on an idle machine.
const HELD_MAX: Duration = Duration::from_secs(8);

const ALREADY_CANCELLED: u64 = 20002;

/// The request during which the host freezes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    CreateInDatabase,
    CreateInRedis,
    Pay,
    Cancel,
}

/// Statements of a host's transactions, after each of which it freezes: not inside a block, which the server completes
/// alone.
const HOST: [(&str, Work); 8] = [
    ("UPDATE t_inventory", Work::CreateInDatabase),
    ("INSERT INTO t_stock_log", Work::CreateInDatabase),
    ("INSERT INTO t_order (", Work::CreateInRedis),
    ("INSERT INTO t_order_item", Work::CreateInRedis),
    ("INSERT INTO t_local_message", Work::CreateInRedis),
    ("UPDATE t_order", Work::Pay),
    ("INSERT INTO t_local_message", Work::Pay),
    ("UPDATE t_order", Work::Cancel),
];

/// Statements of a relay's transactions: claiming, settling, consuming stock moves.
const RELAY: [&str; 7] = [
    "FOR UPDATE SKIP LOCKED",
    "UPDATE t_local_message SET lease_owner",
    "UPDATE t_local_message SET status",
    "INSERT INTO t_message_consume_log",
    "FROM t_inventory FORCE INDEX",
    "UPDATE t_inventory i JOIN",
    "INTO t_stock_log",
];

struct Shop<'a> {
    platform: &'a Platform,
    /// The products, by stock mode.
    redis: u64,
    database: u64,
}

impl Shop<'_> {
    fn request(&self, api: &Client, work: Work, order: &str, key: &str) -> Result<Reply> {
        let create = |product| {
            let user: u64 = key.trim_start_matches("user-").parse().unwrap_or(7);
            api.post_once("/v1/order/create", key, &order_body(user, product, 1))
        };
        match work {
            Work::CreateInDatabase => create(self.database),
            Work::CreateInRedis => create(self.redis),
            Work::Pay => api.post(
                &format!("/v1/order/{order}/pay"),
                &json!({ "payment_id": format!("pay-{order}") }),
            ),
            Work::Cancel => api.post(&format!("/v1/order/{order}/cancel"), &json!({})),
        }
    }

    /// Repeats a request until it succeeds; how long that took.
    fn until_done(&self, work: Work, order: &str, key: &str) -> Result<Duration> {
        let began = Instant::now();
        wait_ok(HELD_MAX, "a request behind a frozen one", || {
            let reply = self.request(&self.platform.api, work, order, key)?;
            let over = work == Work::Cancel && reply.code() == ALREADY_CANCELLED;
            ensure!(reply.status == 200 || over, "{}", reply.text);
            Ok(())
        })?;
        Ok(began.elapsed())
    }
}

fn user_key() -> String {
    format!("user-{}", buyer())
}

#[test]
fn of_a_host_at_each_statement() -> Result<()> {
    let _alone = alone();
    let platform = Platform::start(Options::default())?;
    let shop = Shop {
        platform: &platform,
        redis: platform.product(1_000, "redis")?,
        database: platform.product(1_000, "db")?,
    };
    let steps = Steps::before(platform.mariadb.port(), Protocol::MySqlWithoutBlocks)?;
    let through = platform.databases_through(steps.port());
    let own = [
        (through[0].0, &*through[0].1),
        (through[1].0, &*through[1].1),
    ];
    let (victim, api) = platform.host_with("victim", &own)?;
    for (statement, work) in HOST {
        let case = format!("{work:?} frozen after {statement}");
        let order = placed(&platform.order(buyer(), shop.redis, 1)?)?;
        let frozen_key = user_key();
        let step = steps.at(statement, 0, Action::Hold);
        thread::scope(|scope| {
            let request = scope.spawn(|| shop.request(&api, work, &order, &frozen_key));
            let story = (|| -> Result<()> {
                step.reached(STEP_WITHIN).context(case.clone())?;
                // A running host would close its session itself.
                victim.pause();
                // A create by another user locks the same rows; other requests are simply repeated.
                let others = match work {
                    Work::CreateInDatabase | Work::CreateInRedis => user_key(),
                    Work::Pay | Work::Cancel => frozen_key.clone(),
                };
                let took = shop
                    .until_done(work, &order, &others)
                    .context(case.clone())?;
                println!("{case}: another was done after {} ms", took.as_millis());
                Ok(())
            })();
            step.release();
            victim.resume();
            // The client's answer does not matter: the repeat shows the outcome.
            let _ = request.join().expect("no panic");
            story
        })?;
        shop.until_done(work, &order, &frozen_key).context(case)?;
        if let Some(user) = frozen_key.strip_prefix("user-") {
            let orders = platform.orders_of(user.parse()?)?;
            let wanted = i64::from(matches!(work, Work::CreateInDatabase | Work::CreateInRedis));
            ensure!(
                orders == wanted,
                "{statement}: {orders} orders under one key"
            );
        }
    }
    drop(steps);
    platform.reconcile().map(drop)
}

#[test]
fn of_a_relay_at_each_statement() -> Result<()> {
    let _alone = alone();
    let platform = Platform::start(Options {
        kafka: true,
        ..Options::default()
    })?;
    let shop = Shop {
        platform: &platform,
        redis: platform.product(10_000, "redis")?,
        database: platform.product(10_000, "db")?,
    };
    let steps = Steps::before(platform.mariadb.port(), Protocol::MySql)?;
    let through = platform.databases_through(steps.port());
    let own = [
        (through[0].0, &*through[0].1),
        (through[1].0, &*through[1].1),
        // The shortest: others wait for its end.
        ("RELAY_LEASE_MS", "10000"),
    ];
    for statement in RELAY {
        platform.relay.stop()?;
        let step = steps.at(statement, 0, Action::Hold);
        let victim = platform.relay_with("victim", &own)?;
        let story = frozen(&shop, &step, &victim).context(statement);
        step.release();
        victim.resume();
        if platform.relay.pid().is_none() {
            platform.relay.start()?;
        }
        victim.stop()?;
        story?;
    }
    drop(steps);
    platform.reconcile().map(drop)
}

/// Freezes the whole relay, not only its connection, while one of its transactions is open.
fn frozen(shop: &Shop<'_>, step: &stack::steps::Step, victim: &Process) -> Result<()> {
    for mode in [shop.redis, shop.database] {
        for _ in 0..10 {
            shop.platform.order(buyer(), mode, 1)?;
        }
    }
    step.reached(STEP_WITHIN)?;
    victim.pause();
    let took = shop.until_done(Work::CreateInDatabase, "", &user_key())?;
    println!("a create was done after {} ms", took.as_millis());
    // Another relay takes over the work.
    shop.platform.relay.start()?;
    wait_ok(Duration::from_secs(60), "another relay", || {
        let waiting = shop.platform.number(
            "SELECT (SELECT COUNT(*) FROM order_0.t_local_message WHERE status < 2) \
             + (SELECT COUNT(*) FROM order_1.t_local_message WHERE status < 2)",
        )?;
        ensure!(waiting == 0, "{waiting} rows wait");
        Ok(())
    })
}

#[test]
fn of_a_stopped_host_under_load() -> Result<()> {
    let _alone = alone();
    let platform = Platform::start(Options::default())?;
    let database = platform.product(10_000, "db")?;
    let shop = Shop {
        platform: &platform,
        redis: database,
        database,
    };
    let (victim, api) = platform.host_with("victim", &[])?;
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                // Until the victim answers no more requests.
                while api
                    .post_once(
                        "/v1/order/create",
                        &key(),
                        &order_body(buyer(), database, 1),
                    )
                    .is_ok_and(|reply| reply.status < 500)
                {}
            });
        }
        let story = (|| -> Result<()> {
            wait_ok(STEP_WITHIN, "load", || {
                let orders = platform.number(
                    "SELECT (SELECT COUNT(*) FROM order_0.t_order) + (SELECT COUNT(*) FROM order_1.t_order)",
                )?;
                ensure!(orders > 40, "{orders} orders");
                Ok(())
            })?;
            victim.pause();
            let took = shop.until_done(Work::CreateInDatabase, "", &user_key())?;
            println!("a create was done after {} ms", took.as_millis());
            Ok(())
        })();
        victim.kill();
        story
    })?;
    platform.reconcile().map(drop)
}
