//! The loops that go on while Kafka is away.

use super::{Platform, claims};
use crate::config::RunArgs;
use crate::loops::expiry::Expiry;
use crate::loops::failures::retry::Retry;
use crate::loops::intake::consume::IntakeConsumer;
use crate::loops::intake::take_in::TakeIn;
use crate::loops::outbox::gauges;
use crate::loops::sales::Sales;
use crate::loops::stock::late::Late;
use crate::process::hints;
use crate::process::shutdown::Shutdown;
use crate::process::supervise::supervise;
use std::future::Future;
use tokio::task::JoinSet;

/// Where loops are started.
struct Starter<'a> {
    platform: &'a Platform,
    stopping: &'a Shutdown,
    loops: &'a mut JoinSet<()>,
}

impl Starter<'_> {
    /// A loop made anew whenever it ends by a panic.
    fn start<F>(
        &mut self,
        name: &'static str,
        make: impl Fn(&Platform, Shutdown) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let (platform, stop) = (self.platform.clone(), self.stopping.clone());
        let metrics = platform.metrics.clone();
        let again = move || Ok(make(&platform, stop.clone()));
        self.loops
            .spawn(supervise(name, metrics, self.stopping.clone(), again));
    }
}

pub(super) fn start(
    platform: &Platform,
    args: &RunArgs,
    stopping: &Shutdown,
    loops: &mut JoinSet<()>,
) {
    let mut starter = Starter {
        platform,
        stopping,
        loops,
    };
    starter.start("hints", |p, stop| {
        hints::run(p.redis.clone(), p.hints.clone(), stop)
    });
    starter.start("gauges", |p, stop| {
        gauges::run(p.databases.clone(), p.metrics.clone(), stop)
    });
    starter.start("sweep", |p, stop| p.sweep().run(stop));
    starter.start("sales", |p, stop| {
        let (databases, redis) = (p.databases.clone(), p.redis.clone());
        Sales { databases, redis }.run(stop)
    });
    let consumer = claims(args).owner;
    let idle_poll_ms = args.idle_poll_ms;
    starter.start("intake", move |p, stop| {
        let take_in = TakeIn {
            writer: p.writer(),
            failures: p.failures(),
            redis: p.redis.clone(),
        };
        let (hints, precedence) = (p.hints.intakes.clone(), p.precedence.clone());
        IntakeConsumer::new(take_in, hints, precedence, consumer.clone(), idle_poll_ms).run(stop)
    });
    starter.start("failures", move |p, stop| {
        let retry = Retry {
            failures: p.failures(),
            writer: p.writer(),
            redis: p.redis.clone(),
            idle_poll_ms,
        };
        retry.run(stop)
    });
    for shard in 0..platform.databases.shards.len() {
        starter.start("late confirmations", move |p, stop| {
            let shards = p.shards();
            Late { shard, shards }.run(stop)
        });
    }
    if args.unpaid_expiry_ms == 0 {
        tracing::info!("unpaid orders do not expire");
        return;
    }
    let unpaid_ms = args.unpaid_expiry_ms;
    for shard in 0..platform.databases.shards.len() {
        starter.start("expiry", move |p, stop| {
            let expiry = Expiry {
                shard,
                database: p.databases.shards[shard].clone(),
                redis: p.redis.clone(),
                unpaid_ms,
                hint: p.hints.shards[shard].clone(),
                metrics: p.metrics.clone(),
            };
            expiry.run(stop)
        });
    }
}
