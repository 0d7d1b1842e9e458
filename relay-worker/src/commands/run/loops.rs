//! The loops that do not need Kafka.

use super::Platform;
use super::starter::Starter;
use crate::clients::web::Web;
use crate::config::RunArgs;
use crate::loops::expiry::Expiry;
use crate::loops::failures::retry::Retry;
use crate::loops::intake::consume::IntakeConsumer;
use crate::loops::intake::take_in::TakeIn;
use crate::loops::outbox::gauges;
use crate::loops::outbox::publish::Claims;
use crate::loops::payments::Payments;
use crate::loops::sales::Sales;
use crate::loops::stock::late::Late;
use crate::process::hints;
use domain::Ms;

pub(super) fn start(platform: &Platform, args: &RunArgs, claims: &Claims, starter: &mut Starter) {
    let p = platform.clone();
    starter.start("hints", move |stop| {
        Ok(hints::run(p.redis.clone(), p.hints.clone(), stop))
    });
    let p = platform.clone();
    starter.start("gauges", move |stop| {
        Ok(gauges::run(p.databases.clone(), p.metrics.clone(), stop))
    });
    let p = platform.clone();
    starter.start("sweep", move |stop| Ok(p.sweep().run(stop)));
    let p = platform.clone();
    starter.start("sales", move |stop| {
        let (databases, redis) = (p.databases.clone(), p.redis.clone());
        Ok(Sales { databases, redis }.run(stop))
    });
    let (p, consumer) = (platform.clone(), claims.owner.clone());
    let idle_poll_ms = args.idle_poll_ms;
    starter.start("intake", move |stop| {
        let take_in = TakeIn {
            writer: p.writer(),
            failures: p.failures(),
            redis: p.redis.clone(),
        };
        let (hints, precedence) = (p.hints.intakes.clone(), p.precedence.clone());
        let consumer =
            IntakeConsumer::new(take_in, hints, precedence, consumer.clone(), idle_poll_ms);
        Ok(consumer.run(stop))
    });
    let p = platform.clone();
    starter.start("failures", move |stop| {
        let retry = Retry {
            failures: p.failures(),
            writer: p.writer(),
            redis: p.redis.clone(),
            idle_poll_ms,
        };
        Ok(retry.run(stop))
    });
    late(platform, starter);
    payments(platform, starter);
    expiry(platform, args.unpaid_expiry_ms, starter);
}

fn late(platform: &Platform, starter: &mut Starter) {
    for shard in 0..platform.databases.shards.len() {
        let p = platform.clone();
        starter.start("late confirmations", move |stop| {
            let shards = p.shards();
            Ok(Late { shard, shards }.run(stop))
        });
    }
}

fn payments(platform: &Platform, starter: &mut Starter) {
    let Some(settings) = &platform.payments else {
        return;
    };
    for shard in 0..platform.databases.shards.len() {
        let (p, settings, web) = (platform.clone(), settings.clone(), Web::default());
        starter.start("payments", move |stop| {
            let payments = Payments {
                shard,
                databases: p.databases.clone(),
                settings: settings.clone(),
                metrics: p.metrics.clone(),
                web: web.clone(),
            };
            Ok(payments.run(stop))
        });
    }
}

fn expiry(platform: &Platform, unpaid_ms: Ms, starter: &mut Starter) {
    if unpaid_ms == 0 {
        tracing::info!("unpaid orders do not expire");
        return;
    }
    for shard in 0..platform.databases.shards.len() {
        let p = platform.clone();
        starter.start("expiry", move |stop| {
            let expiry = Expiry {
                shard,
                database: p.databases.shards[shard].clone(),
                redis: p.redis.clone(),
                unpaid_ms,
                hint: p.hints.shards[shard].clone(),
                metrics: p.metrics.clone(),
            };
            Ok(expiry.run(stop))
        });
    }
}
