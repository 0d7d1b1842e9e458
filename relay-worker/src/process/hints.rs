//! Wake-ups over Redis channels: a writer of rows, entries or retries publishes where they are. A lost hint costs at
//! most one idle poll.

use crate::clients::redis::Redis;
use crate::limits::INTAKE_NAMES_MAX;
use crate::process::outage::Outage;
use crate::process::shutdown::Shutdown;
use anyhow::{Context, bail};
use contract::store::redis::{FAILURES_CHANNEL, INTAKE_CHANNEL, OUTBOX_CHANNEL};
use futures::StreamExt;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// A quiet subscription is opened anew after this time, as its connection may have died silently.
const QUIET_MAX: Duration = Duration::from_secs(30);

/// Names of intake streams that have new entries, as hints say.
#[derive(Debug, Default)]
pub struct Names {
    names: Mutex<HashSet<String>>,
    notify: Notify,
}

impl Names {
    /// Adds a name and wakes the reader; ignores one that is no intake's, or too many.
    fn add(&self, name: String) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if is_intake(&name) && names.len() < INTAKE_NAMES_MAX {
            names.insert(name);
        }
        drop(names);
        self.notify.notify_one();
    }

    /// Removes and gives all names.
    pub fn take(&self) -> HashSet<String> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *names)
    }

    /// Waits for a hint; there may be no name then.
    pub async fn notified(&self) {
        self.notify.notified().await;
    }
}

fn is_intake(name: &str) -> bool {
    let tag = name
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix("}:intake"));
    let digits = |text: &str| {
        !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit())
    };
    tag.is_some_and(|tag| tag.strip_prefix(['u', 'p']).is_some_and(digits))
}

/// What hints wake.
#[derive(Clone, Debug)]
pub struct Hints {
    /// The outbox of each shard, by the shard's index.
    pub shards: Vec<Arc<Notify>>,
    /// The batch writer.
    pub intakes: Arc<Names>,
    /// The retries of failures.
    pub failures: Arc<Notify>,
}

impl Hints {
    /// Hints for so many shards.
    pub fn new(shards: usize) -> Hints {
        Hints {
            shards: (0..shards).map(|_| Arc::default()).collect(),
            intakes: Arc::default(),
            failures: Arc::default(),
        }
    }

    fn pass_on(&self, channel: &str, payload: String) {
        match channel {
            OUTBOX_CHANNEL => {
                let shard = payload.parse().ok();
                if let Some(shard) = shard.and_then(|index: usize| self.shards.get(index)) {
                    shard.notify_one();
                }
            }
            INTAKE_CHANNEL => self.intakes.add(payload),
            FAILURES_CHANNEL => self.failures.notify_one(),
            _ => {}
        }
    }

    fn all(&self) {
        self.shards.iter().for_each(|shard| shard.notify_one());
        self.intakes.notify.notify_one();
        self.failures.notify_one();
    }
}

/// Passes hints from Redis on until stopping.
pub async fn run(redis: Redis, hints: Hints, mut shutdown: Shutdown) {
    let mut outage = Outage::new("hints");
    loop {
        let listened = tokio::select! {
            () = shutdown.wait() => return,
            listened = listen(&redis, &hints, &mut outage) => listened,
        };
        if let Err(error) = listened {
            let pause = outage.failed(&error);
            if shutdown.pause(pause).await {
                return;
            }
        }
    }
}

async fn listen(redis: &Redis, hints: &Hints, outage: &mut Outage) -> anyhow::Result<()> {
    let opening = tokio::time::timeout(QUIET_MAX, redis.client().get_async_pubsub());
    let mut subscription = opening.await.context("Redis")?.context("Redis")?;
    for channel in [OUTBOX_CHANNEL, INTAKE_CHANNEL, FAILURES_CHANNEL] {
        subscription.subscribe(channel).await?;
    }
    outage.over();
    // Hints may have been sent before the subscription.
    hints.all();
    let mut messages = subscription.on_message();
    loop {
        match tokio::time::timeout(QUIET_MAX, messages.next()).await {
            Err(_) => return Ok(()),
            Ok(None) => bail!("Redis ended the subscription"),
            Ok(Some(message)) => {
                if let Ok(payload) = message.get_payload::<String>() {
                    hints.pass_on(message.get_channel_name(), payload);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::store::redis::{order_intakes, seckill_intake};
    use domain::ProductId;

    #[test]
    fn only_intakes_are_named() {
        assert!(order_intakes().all(|name| is_intake(&name)));
        assert!(is_intake(&seckill_intake(ProductId(u64::MAX))));
        for bad in [
            "",
            "{p1}:stock",
            "{p}:intake",
            "{x1}:intake",
            "{p1x}:intake",
        ] {
            assert!(!is_intake(bad), "{bad}");
        }
        let names = Names::default();
        names.add("{p1}:intake".to_owned());
        names.add("{p1}:intake".to_owned());
        names.add("x".to_owned());
        assert_eq!(names.take(), HashSet::from(["{p1}:intake".to_owned()]));
        assert!(names.take().is_empty());
    }
}
