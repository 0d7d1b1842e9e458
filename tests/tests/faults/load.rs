//! Bounded load by a few threads that remember every request, answered or not, so that the platform's answers can be
//! checked and every request without an answer can be repeated.

use anyhow::{Context, Result, ensure};
use platform::client::Reply;
use platform::shop::{buyer, key, order_body};
use platform::{Platform, SHARDS};
use serde_json::json;
use stack::{wait_for, wait_ok};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

const THREADS: usize = 8;
/// A key whose request died is taken over after 7 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
const ALREADY_CANCELLED: u64 = 20002;

/// A create and its outcome.
#[derive(Clone)]
struct Asked {
    user: u64,
    key: String,
    product: u64,
    /// Set where it was answered 200.
    order: Option<String>,
    cancel: Cancel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancel {
    No,
    /// Sent, with unknown outcome.
    Unanswered,
    Done,
}

/// All requests so far.
#[derive(Default)]
pub struct Load {
    /// In the order in which they ended.
    asked: Mutex<Vec<Asked>>,
    /// Answers that no fault explains.
    odd: Mutex<Vec<String>>,
    placed: AtomicUsize,
    failed: AtomicUsize,
    enough: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Load {
    /// Starts the threads: they place orders and cancel a third of them until `enough` is called.
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
                let product = products[(thread + round) % products.len()];
                self.once(platform, product, round % 3 == 0);
            }
        };
        (0..THREADS)
            .map(|thread| scope.spawn(move || work(thread)))
            .collect()
    }

    /// Places one order and, where asked for, cancels it.
    fn once(&self, platform: &Platform, product: u64, cancel: bool) {
        let mut asked = Asked {
            user: buyer(),
            key: key(),
            product,
            order: None,
            cancel: Cancel::No,
        };
        let reply = asked.create(platform);
        if let Ok(reply) = &reply
            && reply.status != 200
            && reply.status != 503
        {
            lock(&self.odd).push(format!("create: {} {}", reply.status, reply.text));
        }
        if let Some(reply) = reply.ok().filter(|reply| reply.status == 200) {
            self.placed.fetch_add(1, Ordering::Relaxed);
            let order = reply.text_at("/order_id").to_owned();
            if cancel {
                let done = asked.cancel(platform, &order);
                asked.cancel = if done {
                    Cancel::Done
                } else {
                    Cancel::Unanswered
                };
            }
            asked.order = Some(order);
        } else {
            self.failed.fetch_add(1, Ordering::Relaxed);
            // A platform that is down refuses at once: try again when it is ready, or after a moment.
            let serves = || {
                let ready = platform.api.get("/ready");
                ready.is_ok_and(|reply| reply.status == 200)
            };
            let _ = wait_for(Duration::from_millis(50), "service", serves);
        }
        lock(&self.asked).push(asked);
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

    /// Repeats requests without an answer, as clients would: each create with its key until it is answered 200, each
    /// cancellation until the order is cancelled. Every other order is requested once more with its key.
    ///
    /// # Errors
    /// Where one is not answered in time, or with another order.
    pub fn repeat(&self, platform: &Platform) -> Result<()> {
        let odd = lock(&self.odd);
        ensure!(
            odd.is_empty(),
            "{} odd answers: {:?}",
            odd.len(),
            odd.first()
        );
        let mut asked = lock(&self.asked);
        let share = asked.len().div_ceil(THREADS).max(1);
        thread::scope(|scope| {
            let threads: Vec<_> = asked
                .chunks_mut(share)
                .map(|some| {
                    scope.spawn(move || some.iter_mut().try_for_each(|one| one.repeat(platform)))
                })
                .collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().expect("no panic"))
        })
    }

    /// Every key has made one order, which is as it was answered; there are no others.
    ///
    /// # Errors
    /// Names what differs.
    pub fn hold_to_promises(&self, platform: &Platform) -> Result<()> {
        let asked = lock(&self.asked);
        let mut orders = 0;
        for shard in 0..SHARDS {
            let rows = platform.sql(&format!(
                "SELECT id, user_id, status FROM order_{shard}.t_order"
            ))?;
            let stored: std::collections::HashMap<&str, (&str, &str)> = rows
                .lines()
                .filter_map(|line| {
                    let mut columns = line.split('\t');
                    Some((columns.next()?, (columns.next()?, columns.next()?)))
                })
                .collect();
            orders += stored.len();
            for one in asked.iter().filter(|one| one.user % SHARDS == shard) {
                let order = one.order.as_deref().context("never answered")?;
                let (user, status) = stored
                    .get(order)
                    .with_context(|| format!("order {order} was answered 200 and is gone"))?;
                ensure!(*user == one.user.to_string(), "order {order} is {user}'s");
                let wanted = match one.cancel {
                    Cancel::No => "0",
                    _ => "4",
                };
                ensure!(
                    *status == wanted,
                    "order {order}, cancel {:?}, has status {status}",
                    one.cancel
                );
            }
        }
        ensure!(
            orders == asked.len(),
            "{orders} orders of {} requests",
            asked.len()
        );
        Ok(())
    }
}

impl Asked {
    fn create(&self, platform: &Platform) -> Result<Reply> {
        let body = order_body(self.user, self.product, 1);
        platform.api.post_once("/v1/order/create", &self.key, &body)
    }

    /// Whether the order is known to be cancelled.
    fn cancel(&self, platform: &Platform, order: &str) -> bool {
        let path = format!("/v1/order/{order}/cancel");
        let reply = platform.api.post(&path, &json!({}));
        reply.is_ok_and(|reply| reply.status == 200 || reply.code() == ALREADY_CANCELLED)
    }

    fn repeat(&mut self, platform: &Platform) -> Result<()> {
        let what = format!("a repeat under {}", self.key);
        let again = wait_ok(ANSWER_WITHIN, &what, || self.create(platform)?.expect(200))?;
        let again = again.text_at("/order_id").to_owned();
        ensure!(!again.is_empty(), "an order without an id");
        if let Some(order) = &self.order {
            ensure!(*order == again, "a repeat of order {order} made {again}");
        }
        if self.cancel == Cancel::Unanswered {
            wait_for(ANSWER_WITHIN, "a repeated cancellation", || {
                self.cancel(platform, &again)
            })?;
            self.cancel = Cancel::Done;
        }
        self.order = Some(again);
        Ok(())
    }
}
