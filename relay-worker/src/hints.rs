//! Wake-ups: functions publish a shard's index when its outbox has new rows. Only hints: a lost one costs
//! up to one idle poll.

use crate::outage::Outage;
use crate::redis::Redis;
use crate::shutdown::Shutdown;
use anyhow::{Context, bail};
use contract::redis::OUTBOX_CHANNEL;
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// A quiet subscription is opened anew after this time: a connection that died silently hints at nothing.
const QUIET_MAX: Duration = Duration::from_secs(30);

/// Passes hints on to the shards until stopping.
pub async fn run(redis: Redis, shards: Vec<Arc<Notify>>, mut shutdown: Shutdown) {
    let mut outage = Outage::new("outbox hints");
    loop {
        let listened = tokio::select! {
            () = shutdown.wait() => return,
            listened = listen(&redis, &shards, &mut outage) => listened,
        };
        if let Err(error) = listened {
            let pause = outage.failed(&error);
            if shutdown.pause(pause).await {
                return;
            }
        }
    }
}

async fn listen(redis: &Redis, shards: &[Arc<Notify>], outage: &mut Outage) -> anyhow::Result<()> {
    let opening = tokio::time::timeout(QUIET_MAX, redis.client().get_async_pubsub());
    let mut subscription = opening.await.context("Redis")?.context("Redis")?;
    subscription.subscribe(OUTBOX_CHANNEL).await?;
    outage.over();
    // Hints sent while nobody listened.
    shards.iter().for_each(|shard| shard.notify_one());
    let mut messages = subscription.on_message();
    loop {
        match tokio::time::timeout(QUIET_MAX, messages.next()).await {
            Err(_) => return Ok(()),
            Ok(None) => bail!("Redis ended the subscription"),
            Ok(Some(message)) => {
                let index = message.get_payload::<String>().ok();
                let shard = index.and_then(|index| shards.get(index.parse::<usize>().ok()?));
                if let Some(shard) = shard {
                    shard.notify_one();
                }
            }
        }
    }
}
