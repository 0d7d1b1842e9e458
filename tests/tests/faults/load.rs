//! Bounded load by a few threads that remember every promise the platform made, so that it can be held to them.

use anyhow::{Result, ensure};
use serde_json::json;
use stack::wait_for;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;
use tests::app::{Platform, SHARDS};
use tests::shop::{buyer, key, order_body};

const THREADS: usize = 8;

/// An order the platform answered 200 for.
struct Promise {
    user: u64,
    order: String,
    key: String,
    product: u64,
    cancelled: bool,
}

/// What happened so far.
#[derive(Default)]
pub struct Load {
    promises: Mutex<Vec<Promise>>,
    placed: AtomicUsize,
    failed: AtomicUsize,
    enough: AtomicBool,
}

impl Load {
    /// Starts the threads; they place orders and cancel a third of them until told that it is enough.
    pub fn start<'scope>(
        &'scope self,
        scope: &'scope thread::Scope<'scope, '_>,
        platform: &'scope Platform,
        products: &'scope [u64],
    ) -> Vec<ScopedJoinHandle<'scope, ()>> {
        let work = move |thread: usize| {
            for round in 0.. {
                if self.enough.load(Ordering::Relaxed) {
                    return;
                }
                self.once(
                    platform,
                    products[(thread + round) % products.len()],
                    round % 3 == 0,
                );
            }
        };
        (0..THREADS)
            .map(|thread| scope.spawn(move || work(thread)))
            .collect()
    }

    /// One order, and its cancellation where asked for. Only what was answered counts.
    fn once(&self, platform: &Platform, product: u64, cancel: bool) {
        let (user, key) = (buyer(), key());
        let body = order_body(user, product, 1);
        let reply = platform.api.post_once("/v1/order/create", &key, &body);
        let Some(reply) = reply.ok().filter(|reply| reply.status == 200) else {
            self.failed.fetch_add(1, Ordering::Relaxed);
            // A platform that is down refuses at once: try again when it serves, or after a moment.
            let serves = || {
                platform
                    .api
                    .get("/ready")
                    .is_ok_and(|reply| reply.status == 200)
            };
            let _ = wait_for(Duration::from_millis(50), "service", serves);
            return;
        };
        let order = reply.text_at("/order_id").to_owned();
        let cancelled = cancel && {
            let path = format!("/v1/order/{order}/cancel");
            let reply = platform.api.post(&path, &json!({}));
            reply.is_ok_and(|reply| reply.status == 200)
        };
        self.placed.fetch_add(1, Ordering::Relaxed);
        let mut promises = self.promises.lock().unwrap_or_else(|e| e.into_inner());
        promises.push(Promise {
            user,
            order,
            key,
            product,
            cancelled,
        });
    }

    pub fn placed(&self) -> usize {
        self.placed.load(Ordering::Relaxed)
    }

    pub fn failed(&self) -> usize {
        self.failed.load(Ordering::Relaxed)
    }

    pub fn enough(&self) {
        self.enough.store(true, Ordering::Relaxed);
    }

    /// Every order that was answered 200 is there, every cancellation took effect, and the same key still gives
    /// the same order.
    pub fn hold_to_promises(&self, platform: &Platform) -> Result<()> {
        let promises = self.promises.lock().unwrap_or_else(|e| e.into_inner());
        for promise in promises.iter() {
            let Promise { user, order, .. } = promise;
            let shard = user % SHARDS;
            let status = platform.sql(&format!(
                "SELECT status FROM order_{shard}.t_order WHERE id = {order} AND user_id = {user}"
            ))?;
            ensure!(
                !status.is_empty(),
                "order {order} was answered 200 and is gone"
            );
            ensure!(
                !promise.cancelled || status.trim() == "4",
                "order {order} was cancelled and has status {status}"
            );
        }
        for promise in promises.iter().rev().take(20) {
            let body = order_body(promise.user, promise.product, 1);
            let again = platform
                .api
                .post_once("/v1/order/create", &promise.key, &body)?
                .expect(200)?;
            ensure!(
                again.text_at("/order_id") == promise.order,
                "a repeat made a second order"
            );
            ensure!(
                platform.orders_of(promise.user)? == 1,
                "two orders under one key"
            );
        }
        Ok(())
    }
}
