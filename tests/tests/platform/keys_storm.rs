//! The same keys sent concurrently in both modes, while Redis is emptied and host and relay are killed: each key makes
//! one order, and every answer was that order.

use crate::keys::{Mode, create, empty_redis, id_of, platform, repeated};
use anyhow::{Result, ensure};
use platform::shop::{buyer, key, order_body};
use platform::{Platform, soon};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

const KEYS: usize = 500;
const SENDERS: usize = 6;

/// A key, its buyer, and the order ids it was answered with.
struct Sent {
    user: u64,
    key: String,
    product: u64,
    placed: Mutex<BTreeSet<String>>,
    accepted: Mutex<BTreeSet<String>>,
}

/// Sends keys in turn, each sender from a different offset and in both modes; a request without an answer is simply
/// repeated later.
fn send(
    platform: &Platform,
    keys: &[Sent],
    sender: usize,
    over: &AtomicBool,
    answers: &AtomicUsize,
) {
    let mut turn = sender * 7;
    while !over.load(Ordering::Relaxed) {
        // All senders share a few keys at a time and move on as answers arrive.
        let at = answers.load(Ordering::Relaxed) / 100 + turn % 4;
        let sent = &keys[at % keys.len()];
        let mode = [Mode::Sync, Mode::Async][(turn / 2 + sender) % 2];
        turn += 1;
        let body = order_body(sent.user, sent.product, 1);
        let Ok(reply) = create(platform, mode, &sent.key, &body) else {
            continue;
        };
        let answered = match reply.status {
            200 => &sent.placed,
            202 => &sent.accepted,
            _ => continue,
        };
        answers.fetch_add(1, Ordering::Relaxed);
        if let Ok(id) = id_of(&reply) {
            let mut answered = answered.lock().unwrap_or_else(PoisonError::into_inner);
            answered.insert(id);
        }
    }
}

/// Kills and empties in several rounds, each step after some more answers.
fn blows(platform: &Platform, answers: &AtomicUsize) -> Result<()> {
    let after = |more: usize| {
        let goal = answers.load(Ordering::Relaxed) + more;
        stack::wait_ok(Duration::from_secs(60), "more answers", || {
            ensure!(answers.load(Ordering::Relaxed) >= goal, "{answers:?}");
            Ok(())
        })
    };
    for round in 0..6 {
        after(150)?;
        platform.relay.kill();
        after(30 + round)?;
        empty_redis(platform)?;
        after(30)?;
        platform.relay.start()?;
        after(60)?;
        platform.host.kill();
        platform.host.start()?;
        after(30)?;
        empty_redis(platform)?;
        after(60)?;
        platform.relay.kill();
        platform.relay.start()?;
    }
    after(150)
}

#[test]
fn a_key_is_one_order_whatever_dies() -> Result<()> {
    let platform = platform();
    let product = platform.product(10_000, "redis")?;
    let fresh = |_| Sent {
        user: buyer(),
        key: key(),
        product,
        placed: Mutex::default(),
        accepted: Mutex::default(),
    };
    let keys: Vec<Sent> = (0..KEYS).map(fresh).collect();
    let (over, answers) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (platform, keys, over, answers) = (&platform, &keys, &over, &answers);
            scope.spawn(move || send(platform, keys, sender, over, answers));
        }
        let struck = blows(&platform, &answers);
        over.store(true, Ordering::Relaxed);
        struck
    })?;
    let (mut late, mut lost) = (0, 0);
    for sent in &keys {
        let body = order_body(sent.user, product, 1);
        // The key may be held by a request that died, until it can be taken over.
        let id = soon("an answer", || {
            id_of(&create(&platform, Mode::Sync, &sent.key, &body)?)
        })?;
        let path = format!("/v1/order/{id}");
        soon("the order to be written", || {
            let reply = platform.api.get(&path)?.expect(200)?;
            ensure!(
                reply.text_at("/order/status") == "pending",
                "{}",
                reply.text
            );
            ensure!(reply.text_at("/order/id") == id, "{id}: {}", reply.text);
            Ok(())
        })?;
        repeated(&platform, Mode::Async, &sent.key, &body, &id)?;
        ensure!(
            platform.orders_of(sent.user)? == 1,
            "{} made several",
            sent.key
        );
        let placed = sent.placed.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(
            placed.iter().all(|placed| *placed == id),
            "{id}: {placed:?}"
        );
        for accepted in &*sent.accepted.lock().unwrap_or_else(PoisonError::into_inner) {
            let reply = platform.api.get(&format!("/v1/order/{accepted}"))?;
            match reply.status {
                // Accepted, but Redis was emptied before the relay had read it.
                404 => lost += 1,
                _ => {
                    let shown = reply.expect(200)?;
                    ensure!(
                        shown.text_at("/order/id") == id,
                        "{accepted}, {id}: {}",
                        shown.text
                    );
                    late += usize::from(*accepted != id);
                }
            }
        }
    }
    println!(
        "{answers:?} answers; {late} ids of orders whose key was faster, {lost} lost with Redis"
    );
    platform.reconcile()?;
    Ok(())
}
