//! The sweep repairs what crashes left behind, a bounded batch per round. Every step is idempotent, so any number of
//! relays may run it at once.

pub mod catalogue;
pub mod database;
mod holders;
pub mod holds;
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
use contract::store::sql::placeholders;
use database::Place;
use domain::{OrderId, ProductId};
use futures::future::join_all;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use suspects::Suspects;
use tokio::time::Instant;

/// Recovery after the inventory database was restored to an older state: it is detected, the lost moves are sent again,
/// and only then Redis adopts the database's rows. Until then Redis is closer to the truth.
#[derive(Clone, Copy, Debug)]
enum WentBack {
    No,
    Resends(resend::Place),
    /// All lost moves were sent again; since when.
    Waits(Instant),
    /// Redis adopts the database's rows; whether this pass over all products found a row that differs.
    Follows {
        found: bool,
    },
}

impl WentBack {
    /// Wait before the next batch of products.
    fn pause(self) -> Duration {
        match self {
            WentBack::Resends(_) | WentBack::Follows { found: true } => Duration::ZERO,
            _ => Duration::from_millis(SWEEP_EVERY_MS),
        }
    }

    fn follows(self) -> bool {
        matches!(self, WentBack::Follows { .. })
    }

    /// The state after a batch of products. `behind`: the database was behind Redis for one of them; `last`: the batch
    /// ended a pass.
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

/// The sweep loop and its position.
pub struct Sweep {
    /// Shards for the orders; inventory for stock and reservations.
    pub databases: Databases,
    /// Holds the intents, the stock hashes and the queued keys.
    pub redis: Redis,
    /// Counts what the sweep repaired, settled, released and rolled back.
    pub metrics: Arc<Metrics>,
    availability: Availability,
    /// The last product checked; 0 at the start of a pass.
    products: ProductId,
    suspects: Suspects,
    /// Progress of the recovery of an inventory database that was restored.
    went_back: WentBack,
    reservations: Place,
    /// The same of those that are checked once more.
    reservations_again: Place,
}

impl Sweep {
    /// A sweep that starts at the first product and the first reservation.
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
            reservations: Place::default(),
            reservations_again: Place::default(),
        }
    }

    /// Runs until shutdown. Its parts fail independently.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let (mut promises, mut reservations, mut holds, mut resends) = (
            Outage::new("sweep of Redis"),
            Outage::new("sweep of reservations"),
            Outage::new("sweep of holds"),
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
            match within(ROUND_TIMEOUT_MS, "sweep", self.sweep_all_holds()).await {
                Ok(()) => holds.over(),
                Err(error) => drop(holds.failed(&error)),
            }
        }
    }
}

/// Which of the orders asked for exist.
#[derive(Debug, Default)]
pub struct Existing {
    /// Orders that have a row.
    pub found: HashSet<OrderId>,
    /// Orders of shards that are away: whether they exist is unknown.
    pub unknown: HashSet<OrderId>,
    /// Why such a shard did not answer; `None` where all answered.
    pub trouble: Option<anyhow::Error>,
}

impl Existing {
    /// The orders that exist, if every shard answered.
    ///
    /// # Errors
    /// Where a shard is away.
    pub fn all(self) -> anyhow::Result<HashSet<OrderId>> {
        self.trouble.map_or(Ok(self.found), Err)
    }
}

/// Finds which of these orders exist. Waits for uncommitted inserts: an order that is missing and older than the insert
/// deadline will never exist. A shard that is away does not affect the others.
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
        // A whole pass without such a row ends the recovery.
        let next = follows.after(true, true);
        assert!(next.follows() && next.after(true, false).after(false, true).follows());
        assert!(matches!(next.after(false, true), WentBack::No));
    }
}
