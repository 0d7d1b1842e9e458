//! Random histories of scarce products on real servers: buyers create, buy in sales, pay and cancel, concurrently, or
//! never pay, while units are added and taken away. Meanwhile connections of host and relay to MySQL and Redis are cut
//! at random requests, before or after these took effect, and both processes are killed from time to time. Requests
//! without an answer are repeated. At the end no unit is sold twice and none is left over. `HISTORIES` sets the number
//! of histories (`cargo xtask soak histories`).

use crate::steps::Victim;
use crate::{alone, audit, number};
use anyhow::{Context, Result, anyhow, bail, ensure};
use platform::client::{Client, Reply};
use platform::sale::{self, ORDINARY, Sale};
use platform::shop::{buyer, key, order_body};
use platform::{Options, Platform, SHARDS, soon};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;
use stack::steps::{Action, Protocol, Steps};
use stack::wait_ok;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const HISTORIES: usize = 300;
/// Most units that one buyer wants.
const QUANTITY_MAX: u32 = 2;
const AT_ONCE: usize = 12;
/// Host and relay are killed in turn, one each time this many histories were started.
const KILL_EVERY: usize = 100;
/// A key whose request died is taken over after 7 s.
const DONE_WITHIN: Duration = Duration::from_secs(60);
const SHORT: u64 = 30001;
const SOLD_OUT: u64 = 40002;

#[derive(Clone, Copy, Debug)]
enum Kind {
    InRedis,
    InDatabase,
    Sale,
}

#[derive(Clone, Copy, Debug)]
enum Then {
    Nothing,
    Pay,
    Cancel,
    /// It is not paid in time.
    Expire,
    /// Concurrently; one of them wins.
    PayAndCancel,
    PayAndExpire,
}

#[derive(Clone, Debug)]
struct Buyer {
    quantity: u32,
    /// Sent with `Prefer: respond-async`.
    later: bool,
    then: Then,
}

#[derive(Clone, Debug)]
struct History {
    kind: Kind,
    units: u32,
    buyers: Vec<Buyer>,
    /// Units that are added, or taken away where negative, one after the other.
    changes: Vec<i64>,
}

fn history() -> impl Strategy<Value = History> {
    let kind =
        prop_oneof![3 => Just(Kind::InRedis), 3 => Just(Kind::InDatabase), 1 => Just(Kind::Sale)];
    let then = prop_oneof![
        Just(Then::Nothing),
        Just(Then::Pay),
        Just(Then::Cancel),
        Just(Then::Expire),
        Just(Then::PayAndCancel),
        Just(Then::PayAndExpire)
    ];
    let buyer = (1..=QUANTITY_MAX, any::<bool>(), then).prop_map(|(quantity, later, then)| Buyer {
        quantity,
        later,
        then,
    });
    let buyers = prop::collection::vec(buyer, 2..8);
    let change = prop_oneof![-3..=-1i64, 1..=3i64];
    let changes = prop::collection::vec(change, 0..4);
    (kind, 1..=6u32, buyers, changes).prop_map(|(kind, units, buyers, changes)| History {
        kind,
        units,
        buyers,
        changes,
    })
}

/// The final answer to a buyer.
struct Outcome {
    user: u64,
    /// `None` where too few units were left.
    order: Option<String>,
    status: &'static str,
}

/// The product of a history.
struct Goods {
    product: u64,
    units: u32,
    /// By stock changes.
    added: i64,
    sale: Option<Sale>,
}

impl Goods {
    /// Created through a host without faults: a repeated announcement would make a second sale.
    fn new(platform: &Platform, history: &History) -> Result<Goods> {
        let (product, sale) = match history.kind {
            Kind::InRedis => (platform.product(history.units, "redis")?, None),
            Kind::InDatabase => (platform.product(history.units, "db")?, None),
            Kind::Sale => {
                let sale = platform.sale(history.units, QUANTITY_MAX.min(history.units))?;
                (sale.product, Some(sale))
            }
        };
        let ordinary = sale.as_ref().map_or(0, |_| ORDINARY);
        Ok(Goods {
            product,
            units: history.units + ordinary,
            added: 0,
            sale,
        })
    }

    /// Changes the stock, each time under one key until the outcome is known; gives the units added in all.
    fn change(&self, api: &Client, changes: &[i64]) -> Result<i64> {
        let path = format!("/api/v1/products/{}/stock", self.product);
        let mut added = 0;
        for change in changes {
            let (key, body) = (key(), json!({ "change": change, "reason": "a history" }));
            added += wait_ok(DONE_WITHIN, "a stock change", || {
                let reply = api.post_once(&path, &key, &body)?;
                match reply.status {
                    200 => Ok(*change),
                    _ if is_refused(&reply, SHORT) => Ok(0),
                    status => bail!("{status} {}", reply.text),
                }
            })?;
        }
        Ok(added)
    }

    /// Repeats the request until its outcome is known.
    fn buy(&self, api: &Client, user: u64, wish: &Buyer) -> Result<Option<String>> {
        let Some(sale) = &self.sale else {
            let key = key();
            let body = order_body(user, self.product, wish.quantity);
            return answered("a create", SHORT, || match wish.later {
                true => api.post_later("/v1/order/create", &key, &body),
                false => api.post_once("/v1/order/create", &key, &body),
            });
        };
        let token = wait_ok(DONE_WITHIN, "a token", || {
            let reply = sale::token(api, sale, user)?;
            match is_refused(&reply, SOLD_OUT) {
                true => Ok(None),
                false => sale::token_in(&reply).map(Some),
            }
        })?;
        let Some(token) = token else { return Ok(None) };
        answered("a purchase", SOLD_OUT, || {
            sale::buy(api, user, &token, wish.quantity.min(self.units - ORDINARY))
        })
    }
}

fn is_refused(reply: &Reply, code: u64) -> bool {
    reply.status == 409 && reply.code() == code
}

/// The order, or `None` where the request was refused with `refusal`.
fn answered(
    what: &str,
    refusal: u64,
    mut send: impl FnMut() -> Result<Reply>,
) -> Result<Option<String>> {
    wait_ok(DONE_WITHIN, what, || {
        let reply = send()?;
        match reply.status {
            200 | 202 => Ok(Some(reply.text_at("/order_id").to_owned())),
            _ if is_refused(&reply, refusal) => Ok(None),
            status => bail!("{status} {}", reply.text),
        }
    })
}

/// The current status of an order.
fn status(api: &Client, order: &str) -> Result<String> {
    let seen = api.get(&format!("/v1/order/{order}"))?.expect(200)?;
    Ok(seen.text_at("/order/status").to_owned())
}

/// Repeats a change until the order has one of the statuses `ends`.
fn change(api: &Client, order: &str, verb: &str, ends: &[&'static str]) -> Result<&'static str> {
    let body = json!({ "payment_id": format!("pay-{order}") });
    let body = if verb == "pay" { body } else { json!({}) };
    wait_ok(DONE_WITHIN, verb, || {
        // The reply does not matter: the order shows the outcome.
        let reply = api.post(&format!("/v1/order/{order}/{verb}"), &body);
        ended(api, order, ends).with_context(|| format!("after {reply:?}"))
    })
}

/// The order's current status, if it is one of `ends`.
fn ended(api: &Client, order: &str, ends: &[&'static str]) -> Result<&'static str> {
    let is = status(api, order)?;
    let end = ends.iter().find(|end| **end == is);
    end.copied().context(is)
}

/// Once the order is written, lets its payment deadline pass, and waits for the relay to notice.
fn expire(
    platform: &Platform,
    api: &Client,
    (user, order): (u64, &str),
    ends: &[&'static str],
) -> Result<&'static str> {
    let table = format!("order_{}.t_order", user % SHARDS);
    wait_ok(DONE_WITHIN, "its expiry", || {
        platform.sql(&format!(
            "UPDATE {table} SET payable_at = 1 WHERE id = {order} AND payable_at > 1"
        ))?;
        ended(api, order, ends)
    })
}

fn live(platform: &Platform, api: &Client, goods: &Goods, wish: &Buyer) -> Result<Outcome> {
    const PAID: [&str; 1] = ["paid"];
    const CANCELLED: [&str; 1] = ["cancelled"];
    const ENDS: [&str; 2] = ["paid", "cancelled"];
    let user = buyer();
    let order = goods.buy(api, user, wish)?;
    let pay = |order, ends| change(api, order, "pay", ends);
    let cancel = |order, ends| change(api, order, "cancel", ends);
    let expire = |order, ends| expire(platform, api, (user, order), ends);
    let status = match (&order, wish.then) {
        (None, _) => "",
        (Some(order), Then::Nothing) => {
            wait_ok(DONE_WITHIN, "the order", || ended(api, order, &["pending"]))?
        }
        (Some(order), Then::Pay) => pay(order, &PAID)?,
        (Some(order), Then::Cancel) => cancel(order, &CANCELLED)?,
        (Some(order), Then::Expire) => expire(order, &CANCELLED)?,
        (Some(order), Then::PayAndCancel | Then::PayAndExpire) => thread::scope(|scope| {
            let paid = scope.spawn(|| pay(order, &ENDS));
            let other = match wish.then {
                Then::PayAndCancel => cancel(order, &ENDS),
                _ => expire(order, &ENDS),
            }?;
            let paid = paid.join().expect("no panic")?;
            ensure!(paid == other, "{order} is {paid} and {other}");
            Ok(paid)
        })?,
    };
    Ok(Outcome {
        user,
        order,
        status,
    })
}

/// Cuts connections until `enough` is set.
fn trouble(doors: &Steps, skips: &[usize], enough: &AtomicBool, blows: &AtomicUsize) {
    const A_WHILE: Duration = Duration::from_millis(500);
    for (at, skip) in skips.iter().cycle().enumerate() {
        if enough.load(Ordering::Relaxed) {
            return;
        }
        let action = [Action::CutReply, Action::CutRequest][at % 2];
        let step = doors.at("", *skip, action);
        if step.reached(A_WHILE).is_ok() {
            blows.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A random value of a strategy.
fn drawn<S: Strategy>(runner: &mut TestRunner, strategy: S) -> Result<S::Value> {
    let tree = strategy.new_tree(runner);
    tree.map(|tree| tree.current())
        .map_err(|reason| anyhow!("{reason}"))
}

#[test]
fn no_unit_is_sold_twice_and_none_is_left_over() -> Result<()> {
    let _alone = alone();
    let platform = Platform::start(Options::default())?;
    // The embedded broker is in this relay; only one may run.
    platform.relay.stop()?;
    let host = Victim::host(&platform, "victim-host", Protocol::MySql)?;
    let relay = Victim::relay(&platform, "victim-relay")?;
    let mut runner = TestRunner::default();
    // Many cuts close together, and pauses long enough for work that takes many requests in a row: the relay reads all
    // sales at once.
    let skip = prop_oneof![0..20usize, 0..400usize, 0..8_000usize];
    let skips = drawn(&mut runner, prop::collection::vec(skip, 97))?;
    let count = number("HISTORIES", HISTORIES);
    let histories = drawn(&mut runner, prop::collection::vec(history(), count))?;
    let (enough, blows) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for victim in [&host, &relay] {
            for doors in [&victim.doors.mysql, &victim.doors.redis] {
                scope.spawn(|| trouble(doors, &skips, &enough, &blows));
            }
        }
        let api = host.api.as_ref().context("no host")?;
        let work = || -> Result<()> {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(history) = histories.get(at) else {
                    return Ok(());
                };
                if at % KILL_EVERY == KILL_EVERY - 1 {
                    let victim = [&host, &relay][at / KILL_EVERY % 2];
                    victim.process.kill();
                    victim.process.start()?;
                    audit::never_wrong(&platform)?;
                }
                let mut goods = Goods::new(&platform, history)?;
                let (outcomes, added) = thread::scope(|scope| {
                    let changes = scope.spawn(|| goods.change(api, &history.changes));
                    let buyers: Vec<_> = history
                        .buyers
                        .iter()
                        .map(|buyer| scope.spawn(|| live(&platform, api, &goods, buyer)))
                        .collect();
                    let ends = buyers
                        .into_iter()
                        .map(|buyer| buyer.join().expect("no panic"));
                    let outcomes = ends.collect::<Result<Vec<Outcome>>>();
                    (outcomes, changes.join().expect("no panic"))
                });
                let outcomes = outcomes.with_context(|| format!("{history:?}"))?;
                goods.added = added.with_context(|| format!("{history:?}"))?;
                done.lock().unwrap().push((goods, outcomes));
            }
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        let ends: Result<Vec<()>> = workers
            .into_iter()
            .map(|worker| worker.join().expect("no panic"))
            .collect();
        enough.store(true, Ordering::Relaxed);
        ends.map(drop)
    })?;
    println!("{} connections ended", blows.load(Ordering::Relaxed));
    let done = done.into_inner().unwrap();
    audit::rests(&platform)?;
    audit::never_wrong(&platform)?;
    hold(&platform, &done)?;
    platform.reconcile()?;
    audit::nothing_odd(&platform, &relay.process)
}

/// Orders match the answers to their buyers, and the stock matches the orders.
fn hold(platform: &Platform, done: &[(Goods, Vec<Outcome>)]) -> Result<()> {
    const STATUSES: [&str; 5] = ["pending", "paid", "shipped", "completed", "cancelled"];
    let rows = audit::over_shards(
        "SELECT o.user_id, o.id, o.status, i.product_id, i.quantity FROM order_N.t_order o \
         JOIN order_N.t_order_item i ON i.order_id = o.id",
        " UNION ALL ",
    );
    let rows = platform.sql(&rows)?;
    let mut orders = HashMap::new();
    // Pending and paid units by product.
    let mut units: HashMap<&str, [i64; 2]> = HashMap::new();
    for row in rows.lines() {
        let [user, id, status, product, quantity] = row.split('\t').collect::<Vec<_>>()[..] else {
            bail!("{row:?}");
        };
        let status = STATUSES[status.parse::<usize>()?];
        orders.insert(user, (id, status));
        let place = ["pending", "paid"].iter().position(|have| *have == status);
        if let Some(place) = place {
            units.entry(product).or_default()[place] += quantity.parse::<i64>()?;
        }
    }
    let mut count = 0;
    for outcome in done.iter().flat_map(|(_, outcomes)| outcomes) {
        let user = outcome.user.to_string();
        let answered = outcome
            .order
            .as_deref()
            .map(|order| (order, outcome.status));
        let stored = orders.get(user.as_str()).copied();
        ensure!(
            stored == answered,
            "buyer {user}: {answered:?}, stored {stored:?}"
        );
        count += usize::from(answered.is_some());
    }
    ensure!(orders.len() == count, "{} orders of {count}", orders.len());
    let wanted: Vec<(String, [i64; 3])> = done
        .iter()
        .map(|(goods, _)| {
            let product = goods.product.to_string();
            let [pending, paid] = units.get(product.as_str()).copied().unwrap_or_default();
            let available = i64::from(goods.units) + goods.added - pending - paid;
            (product, [available, pending, paid])
        })
        .collect();
    let mut now = stock(platform)?;
    for (product, [available, ..]) in &wanted {
        let have = now.remove(product).context(product.clone())?;
        ensure!(
            have[0] <= *available,
            "product {product}: {have:?}, {available} are available"
        );
    }
    // Units reserved by a request whose answer was lost are released once the reservation is old enough.
    soon("all units", || {
        let mut have = stock(platform)?;
        for (product, wanted) in &wanted {
            let have = have.remove(product).context(product.clone())?;
            ensure!(
                have == *wanted,
                "product {product}: {have:?}, wanted {wanted:?}"
            );
        }
        Ok(())
    })?;
    println!(
        "{} histories, {} buyers, {count} orders",
        done.len(),
        done.iter().map(|one| one.1.len()).sum::<usize>()
    );
    Ok(())
}

/// Available, locked and sold units of each product.
fn stock(platform: &Platform) -> Result<HashMap<String, [i64; 3]>> {
    let rows = platform.sql(
        "SELECT product_id, SUM(available_stock), SUM(locked_stock), SUM(sold_stock) FROM inventory.t_inventory GROUP BY product_id",
    )?;
    let row = |row: &str| {
        let [product, available, locked, sold] = row.split('\t').collect::<Vec<_>>()[..] else {
            bail!("{row:?}");
        };
        let units = [available.parse()?, locked.parse()?, sold.parse()?];
        Ok((product.to_owned(), units))
    };
    rows.lines().map(row).collect()
}
