//! The sweep looks again at what crashes may have left behind, by itself, a bounded part
//! each time. Everything it does may be done twice, by any number of relays.

pub mod database;
pub mod judge;
pub mod promises;
pub mod resend;
pub mod suspects;

use crate::clients::availability::Availability;
use crate::clients::database::{Database, Databases, assembled, padded};
use crate::clients::redis::Redis;
use crate::limits::{ROUND_TIMEOUT_MS, SHARD_TIMEOUT_MS, SWEEP_EVERY_MS};
use crate::process::metrics::Metrics;
use crate::process::outage::{Outage, within};
use crate::process::shutdown::Shutdown;
use anyhow::Context;
use contract::store::sql::placeholders;
use domain::{OrderId, ProductId};
use futures::future::join_all;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use suspects::Suspects;
use tokio::time::Instant;

/// A database that went back is noticed, then what it lost is sent to it again, and then Redis follows it: until then
/// what Redis shows is nearer the truth.
#[derive(Clone, Copy, Debug)]
enum WentBack {
    No,
    Resends(resend::Place),
    /// Since when everything is on its way.
    Waits(Instant),
    /// Redis follows; whether a row of this pass over all products was behind what Redis showed.
    Follows {
        found: bool,
    },
}

impl WentBack {
    /// Before the next products are looked at.
    fn pause(self) -> Duration {
        match self {
            WentBack::Resends(_) | WentBack::Follows { found: true } => Duration::ZERO,
            _ => Duration::from_millis(SWEEP_EVERY_MS),
        }
    }

    fn follows(self) -> bool {
        matches!(self, WentBack::Follows { .. })
    }

    /// After some products: whether the database was behind for one, and whether they were the last of a pass.
    fn after(self, behind: bool, last: bool) -> WentBack {
        match self {
            WentBack::No if behind => WentBack::Resends(resend::Place::START),
            WentBack::Waits(since) if since.elapsed() >= Duration::from_millis(SWEEP_EVERY_MS) => {
                WentBack::Follows { found: true }
            }
            WentBack::Follows { found } if last && !found && !behind => WentBack::No,
            WentBack::Follows { .. } if last => WentBack::Follows { found: false },
            WentBack::Follows { found } => WentBack::Follows {
                found: found || behind,
            },
            other => other,
        }
    }
}

pub struct Sweep {
    pub databases: Databases,
    pub redis: Redis,
    pub metrics: Arc<Metrics>,
    availability: Availability,
    /// The last product looked at.
    products: ProductId,
    suspects: Suspects,
    /// What is done about an inventory database that went back.
    went_back: WentBack,
    /// The last reservation looked at: its time and order.
    reservations: (u64, u64),
}

impl Sweep {
    pub fn new(
        databases: Databases,
        redis: Redis,
        metrics: Arc<Metrics>,
        availability: Availability,
    ) -> Sweep {
        Sweep {
            availability,
            databases,
            redis,
            metrics,
            products: ProductId(0),
            suspects: Suspects::default(),
            went_back: WentBack::No,
            reservations: (0, 0),
        }
    }

    pub async fn run(mut self, mut shutdown: Shutdown) {
        let (mut promises, mut reservations, mut resends) = (
            Outage::new("sweep of Redis"),
            Outage::new("sweep of reservations"),
            Outage::new("moves sent again"),
        );
        loop {
            let pause = self.went_back.pause();
            if shutdown.pause(pause).await {
                return;
            }
            match within(ROUND_TIMEOUT_MS, "sweep", self.sweep_promises()).await {
                Ok(()) => promises.over(),
                Err(error) => drop(shutdown.pause(promises.failed(&error)).await),
            }
            if let WentBack::Resends(place) = self.went_back {
                match within(ROUND_TIMEOUT_MS, "sending again", self.resend(place)).await {
                    Ok(Some(next)) => self.went_back = WentBack::Resends(next),
                    Ok(None) => self.went_back = WentBack::Waits(Instant::now()),
                    Err(error) => drop(shutdown.pause(resends.failed(&error)).await),
                }
            }
            match within(ROUND_TIMEOUT_MS, "sweep", self.sweep_reservations()).await {
                Ok(()) => reservations.over(),
                Err(error) => drop(reservations.failed(&error)),
            }
        }
    }
}

/// What the shards say of orders.
#[derive(Debug, Default)]
pub struct Existing {
    pub found: HashSet<OrderId>,
    /// Orders of shards that are away: nothing is known of them.
    pub unknown: HashSet<OrderId>,
    /// Why.
    pub trouble: Option<anyhow::Error>,
}

impl Existing {
    /// Those that exist, where all is known.
    ///
    /// # Errors
    /// Where a shard is away.
    pub fn all(self) -> anyhow::Result<HashSet<OrderId>> {
        self.trouble.map_or(Ok(self.found), Err)
    }
}

/// Which of these orders exist. Waits for inserts that are not yet committed: an order that is not in the
/// answer and older than the insert deadline never will exist. Each shard is asked by itself.
pub async fn existing(
    databases: &Databases,
    availability: &Availability,
    orders: impl IntoIterator<Item = OrderId>,
) -> Existing {
    let shards = databases.by_shard(orders, |order| *order);
    let asking = shards.into_iter().map(|(shard, orders)| async move {
        let database = &databases.shards[shard];
        let asked = async { Ok(existing_on(database, &orders).await?) };
        let answer = availability
            .on_shard(shard, SHARD_TIMEOUT_MS, "looking for orders", asked)
            .await;
        (orders, answer)
    });
    let mut existing = Existing::default();
    for (orders, answer) in join_all(asking).await {
        match answer {
            Ok(found) => existing.found.extend(found),
            Err(error) => {
                existing.unknown.extend(orders);
                existing.trouble = Some(error);
            }
        }
    }
    existing
}

async fn existing_on(database: &Database, orders: &[OrderId]) -> sqlx::Result<HashSet<OrderId>> {
    let mut orders = orders.to_vec();
    orders.sort_unstable();
    orders.dedup();
    let mut found = HashSet::new();
    for orders in orders.chunks(crate::limits::STATEMENT_ROWS_MAX) {
        let orders = padded(orders);
        let sql = format!(
            "SELECT id FROM t_order WHERE id IN ({}) LOCK IN SHARE MODE",
            placeholders(orders.len())
        );
        let mut query = sqlx::query_scalar(assembled(sql));
        for order in &orders {
            query = query.bind(order.get());
        }
        let ids: Vec<u64> = query.fetch_all(&database.pool).await?;
        found.extend(ids.into_iter().filter_map(OrderId::new));
    }
    Ok(found)
}

/// Which of these orders were accepted and may not be written yet. To be asked before `existing`.
///
/// # Errors
/// When Redis is away.
pub async fn queued(redis: &Redis, orders: &[OrderId]) -> anyhow::Result<HashSet<OrderId>> {
    let mut found = HashSet::new();
    for orders in orders.chunks(crate::limits::STATEMENT_ROWS_MAX) {
        let mut pipeline = redis::pipe();
        for order in orders {
            pipeline.exists(contract::store::redis::queued(*order));
        }
        let there: Vec<bool> = pipeline
            .query_async(&mut redis.connection())
            .await
            .context("Redis")?;
        let there = orders.iter().zip(there).filter(|(_, there)| *there);
        found.extend(there.map(|(order, _)| *order));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_is_sent_again_before_redis_follows() {
        assert!(matches!(WentBack::No.after(false, true), WentBack::No));
        let noticed = WentBack::No.after(true, false);
        assert!(matches!(noticed, WentBack::Resends(_)) && !noticed.follows());
        assert!(matches!(noticed.after(true, true), WentBack::Resends(_)));
        let waits = WentBack::Waits(Instant::now());
        assert!(matches!(waits.after(true, true), WentBack::Waits(_)));
        let long = Duration::from_millis(SWEEP_EVERY_MS);
        let since = Instant::now().checked_sub(long).unwrap();
        let follows = WentBack::Waits(since).after(true, true);
        assert!(follows.follows());
        // A whole pass without any such row is the end of it.
        let next = follows.after(true, true);
        assert!(next.follows() && next.after(true, false).after(false, true).follows());
        assert!(matches!(next.after(false, true), WentBack::No));
    }
}
