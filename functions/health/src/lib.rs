//! `GET /health`: each server that the functions need, asked concurrently. `GET /ready`: whether this instance is
//! configured; a lost server does not make it unready, since restarting it would not bring the server back.

use contract::api::health::{Check, Health, OK, UNAVAILABLE};
use domain::Rejection;
use futures::future::{BoxFuture, Either, FutureExt, join_all, select};
use guest::config::{Config, config};
use guest::mysql::Db;
use guest::redis::Redis;
use guest::{Call, Fault, Reply, clock};
use std::pin::pin;
use std::time::{Duration, Instant};

/// A server that has not answered by then is unavailable.
const CHECK_TIMEOUT: Duration = Duration::from_millis(1_500);

guest::http_function!(answer);

async fn answer(call: Call) -> Result<Reply, Fault> {
    if call.method() != "GET" {
        return Err(Rejection::MethodNotAllowed.into());
    }
    match call.path() {
        "/health" => {
            let checks = join_all(checks(config().await?, &call.trace_id)).await;
            let health = Health::of(checks);
            let reply = Reply::of(health.http_status(), &health)?.with("cache-control", "no-store");
            Ok(match reply.status {
                200 => reply,
                _ => reply.with("retry-after", "1"),
            })
        }
        "/ready" => {
            config().await?;
            Ok(Reply::of(200, &Health::of([]))?.with("cache-control", "no-store"))
        }
        _ => Err(Rejection::NoRoute.into()),
    }
}

/// One future per server, by name.
fn checks<'a>(
    config: &'a Config,
    trace_id: &'a str,
) -> Vec<impl Future<Output = (String, Check)> + 'a> {
    let mut probes: Vec<(String, BoxFuture<'a, Result<(), Fault>>)> =
        vec![("redis".to_owned(), redis(&config.redis_url).boxed())];
    let shards = config.shard_urls().iter().enumerate();
    let databases = shards
        .map(|(shard, url)| (format!("order_{shard}"), url))
        .chain([("inventory".to_owned(), &config.inventory_url)]);
    probes.extend(databases.map(|(name, url)| (name, mysql(url).boxed())));
    probes
        .into_iter()
        .map(|(name, probe)| timed(name, probe, trace_id))
        .collect()
}

async fn timed(
    name: String,
    probe: BoxFuture<'_, Result<(), Fault>>,
    trace_id: &str,
) -> (String, Check) {
    let started = Instant::now();
    let timeout = pin!(clock::sleep(CHECK_TIMEOUT));
    let status = match select(probe, timeout).await {
        Either::Left((Ok(()), _)) => OK,
        Either::Left((Err(fault), _)) => {
            guest::http::log(&fault, trace_id);
            UNAVAILABLE
        }
        Either::Right(_) => UNAVAILABLE,
    };
    let latency_ms = started.elapsed().as_millis() as u64;
    (name, Check { status, latency_ms })
}

async fn redis(url: &str) -> Result<(), Fault> {
    let redis = Redis::open(url).await?;
    redis.command("PING", []).await.map(|_| ())
}

async fn mysql(url: &str) -> Result<(), Fault> {
    Db::at(url).query("SELECT 1", vec![]).await?;
    Ok(())
}
