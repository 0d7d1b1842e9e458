//! The host's end of the channel: one task with a subscription and a connection to publish on. Whatever waits is
//! published together, one publication at a time, so that a busy host pays little for each write. While it is not
//! connected, nothing is served from the store; what could not be published is published first when it is back.

use super::Cache;
use super::barrier::Barrier;
use super::protocol::{self, CHANNEL, HostId, Message, channel_of};
use super::stamps::Slot;
use crate::limits::{
    CACHE_BEAT, CACHE_CHANNEL_RETRY, CACHE_CHANNEL_TIMEOUT, CACHE_GROUPS_MAX, CACHE_LEASE,
    CACHE_MESSAGE_GROUPS_MAX, CACHE_MESSAGES_AT_ONCE_MAX,
};
use crate::shutdown::Stopping;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use redis::aio::{MultiplexedConnection, PubSubStream};
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, Pipeline, RedisError};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep, sleep_until, timeout};

/// What an unsafe request made stale.
#[derive(Debug)]
pub struct Stale {
    /// `None`: everything.
    pub groups: Option<Vec<String>>,
    /// Notified when it is effective everywhere.
    pub done: oneshot::Sender<()>,
}

/// What is to be published, with the requests that wait for it.
#[derive(Debug, Default)]
struct Batch {
    groups: Vec<String>,
    everything: bool,
    done: Vec<oneshot::Sender<()>>,
}

impl Batch {
    fn add(&mut self, stale: Stale) {
        // Requests that have given up need no answer; so these do not pile up while the channel is away.
        if self.done.len() == self.done.capacity() {
            self.done.retain(|done| !done.is_closed());
        }
        self.done.push(stale.done);
        match stale.groups {
            Some(groups) => self.groups.extend(groups),
            None => self.everything = true,
        }
        self.bound();
    }

    fn join(&mut self, other: Self) {
        self.everything |= other.everything;
        self.groups.extend(other.groups);
        self.done.extend(other.done);
        self.bound();
    }

    fn bound(&mut self) {
        self.everything |= self.groups.len() > CACHE_MESSAGE_GROUPS_MAX;
        if self.everything {
            self.groups = Vec::new();
        }
    }

    fn is_empty(&self) -> bool {
        self.groups.is_empty() && !self.everything
    }

    /// Whether there is room for one more reply's groups.
    fn has_room(&self) -> bool {
        self.everything || self.groups.len() + CACHE_GROUPS_MAX <= CACHE_MESSAGE_GROUPS_MAX
    }
}

/// The channel's task.
pub struct Channel {
    cache: Arc<Cache>,
    client: Client,
    /// The address without user and password.
    shown: String,
    host: HostId,
    queue: mpsc::Receiver<Stale>,
    waiting: Batch,
    barrier: Barrier<Batch>,
    /// Acknowledgements to send: the last number of each writer.
    heard: HashMap<HostId, u64>,
    beat_due: bool,
    /// When a beat last came back.
    good: Instant,
}

type Publishing = BoxFuture<'static, Result<(), RedisError>>;

async fn outcome(publishing: &mut Option<Publishing>) -> Result<(), RedisError> {
    match publishing {
        Some(publishing) => publishing.await,
        None => std::future::pending().await,
    }
}

/// The client for `url`; `None` if the driver cannot read it.
pub fn client(url: &str) -> Option<Client> {
    let info = url.into_connection_info().ok()?;
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    Client::open(info.set_tcp_settings(tcp)).ok()
}

impl Channel {
    /// A channel for `cache` that is not yet connected; `shown` is its address for the log.
    pub fn new(
        cache: Arc<Cache>,
        client: Client,
        shown: String,
        queue: mpsc::Receiver<Stale>,
    ) -> Self {
        Self {
            cache,
            client,
            shown,
            host: fastrand::u64(1..),
            queue,
            waiting: Batch::default(),
            barrier: Barrier::new(),
            heard: HashMap::new(),
            beat_due: true,
            good: Instant::now(),
        }
    }

    /// Keeps a connection, made anew whenever it breaks, until `stopping`.
    pub async fn run(mut self, mut stopping: Stopping) {
        let mut down = false;
        loop {
            let ended = self.session(&mut stopping, &mut down).await;
            self.cache.lost();
            self.barrier
                .lost()
                .into_iter()
                .for_each(|batch| self.waiting.join(batch));
            self.heard.clear();
            let Err(error) = ended else { return };
            if !std::mem::replace(&mut down, true) {
                tracing::warn!(address = self.shown, %error, "the cache's channel is lost: nothing is told from the cache");
            }
            let pause = sleep(CACHE_CHANNEL_RETRY);
            tokio::pin!(pause);
            loop {
                tokio::select! {
                    () = stopping.stopped() => return,
                    () = &mut pause => break,
                    Some(stale) = self.queue.recv() => self.take(stale),
                }
            }
        }
    }

    /// Runs one connection to its end.
    async fn session(
        &mut self,
        stopping: &mut Stopping,
        down: &mut bool,
    ) -> Result<(), RedisError> {
        let connecting = self.connect();
        let (publisher, mut messages) = tokio::select! {
            () = stopping.stopped() => return Ok(()),
            connected = connecting => connected?,
        };
        // Messages sent before the subscription were not received.
        self.cache.stamps.empty();
        self.good = Instant::now();
        self.barrier.connected(self.good);
        self.beat_due = true;
        let mut beat = interval(CACHE_BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut publishing: Option<Publishing> = None;
        loop {
            if publishing.is_none() {
                publishing = self.next(&publisher);
            }
            let due = self.barrier.due();
            tokio::select! {
                message = messages.next() => {
                    self.hear(message, down)?;
                    for _ in 1..CACHE_MESSAGES_AT_ONCE_MAX {
                        let Some(message) = messages.next().now_or_never() else { break };
                        self.hear(message, down)?;
                    }
                }
                result = outcome(&mut publishing) => {
                    publishing = None;
                    result?;
                }
                Some(stale) = self.queue.recv(), if self.waiting.has_room() => self.take(stale),
                () = sleep_until(due.unwrap_or(self.good).into()), if due.is_some() => {}
                _ = beat.tick() => {
                    self.beat_due = true;
                    self.cache.measure();
                    if self.good.elapsed() > 3 * CACHE_LEASE {
                        return Err((redis::ErrorKind::Io, "silent for too long").into());
                    }
                }
                () = stopping.stopped() => {
                    let bye = protocol::encode(&Message::Bye { host: self.host });
                    let mut publisher = publisher;
                    return redis::cmd("PUBLISH").arg(CHANNEL).arg(bye).query_async(&mut publisher).await;
                }
            }
            for batch in self.barrier.effective(Instant::now()) {
                for done in batch.done {
                    // Its client may have gone.
                    let _ = done.send(());
                }
            }
        }
    }

    async fn connect(&self) -> Result<(MultiplexedConnection, PubSubStream), RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CACHE_CHANNEL_TIMEOUT))
            .set_response_timeout(Some(CACHE_CHANNEL_TIMEOUT));
        let connecting = async {
            let mut subscription = self.client.get_async_pubsub().await?;
            let channels = [CHANNEL.to_owned(), channel_of(self.host)];
            subscription.subscribe(&channels[..]).await?;
            let publisher = self
                .client
                .get_multiplexed_async_connection_with_config(&config)
                .await?;
            Ok((publisher, subscription.into_on_message()))
        };
        timeout(CACHE_CHANNEL_TIMEOUT, connecting)
            .await
            .unwrap_or_else(|_| Err((redis::ErrorKind::Io, "connecting took too long").into()))
    }

    fn take(&mut self, stale: Stale) {
        self.waiting.add(stale);
        while self.waiting.has_room() {
            let Ok(stale) = self.queue.try_recv() else {
                return;
            };
            self.waiting.add(stale);
        }
    }

    /// The next publication, if there is anything to publish.
    fn next(&mut self, publisher: &MultiplexedConnection) -> Option<Publishing> {
        let mut pipeline = Pipeline::new();
        let mut publish = |channel: &str, message: &Message<'_>| {
            pipeline
                .publish(channel, protocol::encode(message))
                .ignore();
        };
        if self.cache.unsaid() {
            self.waiting.everything = true;
        }
        if !self.waiting.is_empty() {
            let batch = std::mem::take(&mut self.waiting);
            // Cloned first: the message needs its number, and the barrier takes the batch in exchange for that.
            let groups: Option<Vec<String>> = (!batch.everything).then(|| batch.groups.clone());
            let from = Some((self.host, self.barrier.publish(batch)));
            match &groups {
                Some(groups) => {
                    let groups = groups.iter().map(String::as_str).collect();
                    publish(CHANNEL, &Message::Stale { from, groups });
                }
                None => publish(CHANNEL, &Message::Empty { from }),
            }
        }
        for (writer, number) in self.heard.drain() {
            let host = self.host;
            publish(&channel_of(writer), &Message::Known { host, number });
        }
        if std::mem::take(&mut self.beat_due) {
            let sent = self.cache.lease.stamp(Instant::now());
            let host = self.host;
            publish(CHANNEL, &Message::Beat { host, sent });
        }
        if pipeline.is_empty() {
            return None;
        }
        let mut publisher = publisher.clone();
        Some(async move { pipeline.query_async(&mut publisher).await }.boxed())
    }

    /// Takes in a message of the subscription, or its end.
    fn hear(&mut self, message: Option<redis::Msg>, down: &mut bool) -> Result<(), RedisError> {
        let message = message.ok_or((redis::ErrorKind::Io, "the subscription has ended"))?;
        let (cache, own, now) = (&self.cache, self.host, Instant::now());
        match protocol::decode(message.get_payload_bytes()) {
            Some(Message::Beat { host, sent }) if host == own => {
                self.good = now;
                cache.renewed(sent);
                if std::mem::take(down) {
                    tracing::info!(address = self.shown, "the cache's channel is back");
                }
            }
            Some(Message::Beat { host, .. }) => {
                if !self.barrier.beat(host, now) {
                    tracing::warn!("more hosts share the cache's channel than are kept count of");
                }
            }
            // This host has applied its own invalidations before it published them.
            Some(
                Message::Stale {
                    from: Some((host, number)),
                    ..
                }
                | Message::Empty {
                    from: Some((host, number)),
                },
            ) if host == own => {
                self.barrier.returned(number, now);
            }
            Some(Message::Stale { from, groups }) => {
                cache.stamps.invalidate(groups.into_iter().map(Slot::of));
                cache.metrics.invalidations.inc();
                self.heard.extend(from);
            }
            Some(Message::Empty { from }) => {
                cache.stamps.empty();
                cache.metrics.invalidations.inc();
                self.heard.extend(from);
            }
            Some(Message::Known { host, number }) => self.barrier.known(host, number),
            Some(Message::Bye { host }) => self.barrier.bye(host),
            None => {
                tracing::warn!(
                    "a message on the cache's channel cannot be read: everything is stale"
                );
                cache.stamps.empty();
            }
        }
        Ok(())
    }
}
