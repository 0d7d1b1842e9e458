//! The local cache: a shared HTTP cache (RFC 9111) in front of the components, with groups (RFC 9875) that are
//! invalidated on every host over a channel before a writer gets its answer (docs/decisions/0008-local-cache.md).

mod barrier;
mod channel;
mod directives;
mod entry;
mod groups;
mod key;
mod lease;
mod protocol;
mod stamps;
mod structured;

use crate::limits::{CACHE_BODY_BYTES_MAX, CACHE_LEASE, CACHE_QUEUE_MAX, CACHE_UNKEPT_FOR};
use crate::metrics::CacheMetrics;
use futures::FutureExt;
use http::{HeaderMap, StatusCode, response};
use quick_cache::sync::{EntryAction, EntryResult, PlaceholderGuard};
use quick_cache::{OptionsBuilder, Weighter};
use stamps::{Slot, Stamps};
use std::hash::RandomState;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout_at;

pub use channel::{Channel, Stale, client};
pub use directives::{HOST_CACHE_CONTROL, Storable, Wanted};
pub use entry::{Asked, Entry, is_known, of_not_modified};
pub use key::{Key, Target};

/// What is stored under a key.
#[derive(Debug, Clone)]
enum Stored {
    Reply(Arc<Entry>),
    /// Its replies depend on these headers of the request; each is stored under the key of their values.
    Varies(Arc<key::Vary>),
    /// Its last reply could not be kept: until then its requests do not wait for one another.
    Unkept(Instant),
}

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Key, Stored> for Bytes {
    fn weight(&self, key: &Key, stored: &Stored) -> u64 {
        let stored = match stored {
            Stored::Reply(entry) => entry.bytes(),
            Stored::Varies(vary) => vary.bytes(),
            Stored::Unkept(_) => 0,
        };
        (key.bytes() + size_of::<Stored>() + stored) as u64
    }
}

type Store = quick_cache::sync::Cache<Key, Stored, Bytes, RandomState>;
type Guard<'a> = PlaceholderGuard<
    'a,
    Key,
    Stored,
    Bytes,
    RandomState,
    quick_cache::sync::DefaultLifecycle<Key, Stored>,
>;

/// The cache of this process.
#[derive(Debug)]
pub struct Cache {
    store: Store,
    stamps: Stamps,
    lease: lease::Lease,
    queue: mpsc::Sender<Stale>,
    /// An invalidation could not be queued: everything is to be invalidated.
    unsaid: AtomicBool,
    metrics: CacheMetrics,
}

/// How a request that may be answered from the store goes on.
pub enum Turn<'a> {
    /// It is answered with this.
    Hit(Arc<Entry>),
    /// It asks the component, and others wait for its reply.
    Lead(Lead<'a>),
    /// It asks the component, and nobody waits for it.
    Alone,
}

/// Held by the request that others wait for. When it is dropped unfilled, another one leads.
pub struct Lead<'a> {
    key: Key,
    guard: Guard<'a>,
}

/// A request whose component is asked for a reply to store.
pub struct Miss<'a> {
    /// The component's index.
    pub component: usize,
    /// The key of the URI.
    pub key: Key,
    /// The request's headers.
    pub headers: HeaderMap,
    /// `None` where nobody waits for the reply.
    pub lead: Option<Lead<'a>>,
    /// When the component was asked.
    pub asked: Asked,
}

/// What is needed to store a reply.
pub struct Keeping {
    storable: Storable,
    slots: Vec<Slot>,
    vary: Option<key::Vary>,
}

impl Cache {
    /// An empty cache of at most `bytes`, and the queue of invalidations that its channel publishes.
    pub fn new(bytes: u64, metrics: CacheMetrics) -> (Self, mpsc::Receiver<Stale>) {
        /// Bytes of an average entry, to estimate their number.
        const ENTRY_BYTES: u64 = 2 * 1024;
        /// Shards of the store, each with a lock and a bound of its own.
        const SHARDS_MAX: u64 = 16;
        // Each shard should hold several of the largest replies.
        let shards = (bytes / (4 * CACHE_BODY_BYTES_MAX as u64)).clamp(1, SHARDS_MAX);
        let items = bytes.div_ceil(ENTRY_BYTES).max(1);
        let options = OptionsBuilder::new()
            .estimated_items_capacity(usize::try_from(items).unwrap_or(usize::MAX))
            .weight_capacity(bytes)
            .shards(1 << shards.ilog2())
            .build();
        let store = match options {
            Ok(options) => {
                Store::with_options(options, Bytes, RandomState::new(), Default::default())
            }
            // Does not happen: both capacities are given.
            Err(_) => Store::with(1024, bytes, Bytes, RandomState::new(), Default::default()),
        };
        let (queue, queued) = mpsc::channel(CACHE_QUEUE_MAX);
        let cache = Self {
            store,
            stamps: Stamps::new(),
            lease: lease::Lease::new(),
            queue,
            unsaid: AtomicBool::new(false),
            metrics,
        };
        (cache, queued)
    }

    /// Whether anything may be served from the store at `now`.
    pub fn open(&self, now: Instant) -> bool {
        self.lease.holds(now)
    }

    /// The present moment; to be taken before a component is asked.
    pub fn asked(&self) -> Asked {
        Asked {
            number: self.stamps.now(),
            at: Instant::now(),
        }
    }

    /// The stored reply to a GET of `target` with `headers`, if it may be served at `now`.
    pub fn hit(
        &self,
        target: Target<'_>,
        headers: &HeaderMap,
        wanted: &Wanted,
        now: Instant,
    ) -> Option<Arc<Entry>> {
        if wanted.bypass || wanted.no_cache || !self.open(now) {
            return None;
        }
        let lookup = |values| self.store.get(&key::Lookup { target, values });
        let stored = match lookup(None)? {
            Stored::Varies(vary) => lookup(Some(&vary.values(headers)))?,
            stored => stored,
        };
        match stored {
            Stored::Reply(entry) if self.tells(&entry, wanted, now) => Some(entry),
            _ => None,
        }
    }

    /// How a GET goes on that was not answered at once. Waits for a request in flight for the same.
    pub async fn turn(&self, key: &Key, headers: &HeaderMap, wanted: &Wanted) -> Turn<'_> {
        enum Found {
            Hit(Arc<Entry>),
            Varies(Arc<key::Vary>),
            Alone,
        }
        let began = Instant::now();
        let mut key = key.clone();
        // The URI, its variant, and once more where the variants changed meanwhile.
        for _ in 0..3 {
            let found = self.store.entry_async(&key, |_, stored| {
                let now = Instant::now();
                match stored {
                    Stored::Varies(vary) => EntryAction::Retain(Found::Varies(vary.clone())),
                    Stored::Unkept(until) if *until > now => EntryAction::Retain(Found::Alone),
                    Stored::Unkept(_) => EntryAction::ReplaceWithGuard,
                    Stored::Reply(_) if !self.open(now) => EntryAction::Retain(Found::Alone),
                    Stored::Reply(entry) if self.tells(entry, wanted, now) => {
                        EntryAction::Retain(Found::Hit(entry.clone()))
                    }
                    // Stored while this request waited, and stale already; or fresh, but not for this request.
                    Stored::Reply(entry) if entry.made() >= began || self.is_true(entry, now) => {
                        EntryAction::Retain(Found::Alone)
                    }
                    Stored::Reply(_) => EntryAction::ReplaceWithGuard,
                }
            });
            match found.await {
                EntryResult::Retained(Found::Hit(entry)) => return Turn::Hit(entry),
                EntryResult::Retained(Found::Varies(vary)) => key = key.variant(&vary, headers),
                EntryResult::Vacant(guard) | EntryResult::Replaced(guard, _) => {
                    return Turn::Lead(Lead { key, guard });
                }
                EntryResult::Retained(Found::Alone)
                | EntryResult::Removed(..)
                | EntryResult::Timeout => return Turn::Alone,
            }
        }
        Turn::Alone
    }

    fn tells(&self, entry: &Entry, wanted: &Wanted, now: Instant) -> bool {
        self.is_true(entry, now) && entry.serves(wanted, now)
    }

    fn is_true(&self, entry: &Entry, now: Instant) -> bool {
        let (number, slots) = entry.stamp();
        entry.fresh(now) && self.stamps.hold(number, slots)
    }

    /// What is needed to store a reply to `key`; `None` where it may not be stored.
    pub fn keeping(
        &self,
        key: &Key,
        status: StatusCode,
        headers: &HeaderMap,
        wanted: &Wanted,
    ) -> Option<Keeping> {
        let storable = directives::storable(status, headers, wanted.authorized)?;
        let groups::Groups::Named(groups) = groups::read(headers, &groups::CACHE_GROUPS) else {
            return None;
        };
        let vary = key::Vary::read(headers.get_all(http::header::VARY)).ok()?;
        let groups = groups.iter().map(|group| Slot::of(group.as_str()));
        Some(Keeping {
            storable,
            slots: groups.chain([Slot::of(&key.target())]).collect(),
            vary,
        })
    }

    /// Stores the reply to `miss`, and hands it to the requests that wait for it.
    pub fn keep(
        &self,
        miss: Miss<'_>,
        keeping: Keeping,
        head: response::Parts,
        body: bytes::Bytes,
    ) -> Arc<Entry> {
        let Miss {
            component,
            key,
            headers,
            lead,
            asked,
        } = miss;
        let slots = keeping.slots.into();
        let entry = Entry::new(component, head, body, keeping.storable, slots, asked);
        let entry = Arc::new(entry);
        let stored = Stored::Reply(entry.clone());
        let Some(vary) = keeping.vary else {
            self.put(key, lead, stored);
            return entry;
        };
        let place = key.variant(&vary, &headers);
        let varies = Stored::Varies(Arc::new(vary));
        match lead {
            Some(lead) if lead.key == place => lead.fill(stored),
            lead => {
                // The variant first: requests that waited for the URI then look for it.
                self.store.insert(place, stored);
                self.put(key, lead, varies);
            }
        }
        entry
    }

    fn put(&self, key: Key, lead: Option<Lead<'_>>, stored: Stored) {
        match lead {
            Some(lead) if lead.key == key => lead.fill(stored),
            _ => self.store.insert(key, stored),
        }
    }

    /// Notes that the reply to `miss` could not be stored: for a while requests for it do not wait for one another.
    pub fn unkept(&self, miss: Miss<'_>) {
        if let Some(lead) = miss.lead {
            lead.fill(Stored::Unkept(Instant::now() + CACHE_UNKEPT_FOR));
        }
    }

    /// Invalidates what the answer to an unsafe request to `target` made stale. When this returns, no host serves it.
    pub async fn changed(
        &self,
        target: Option<Target<'_>>,
        status: StatusCode,
        headers: &HeaderMap,
    ) {
        if let Some(target) = target.filter(|_| status.as_u16() < 400) {
            self.stamps.invalidate([Slot::of(&target)]);
        }
        let groups = match groups::read(headers, &groups::CACHE_GROUP_INVALIDATION) {
            groups::Groups::Named(groups) if groups.is_empty() => return,
            groups::Groups::Named(groups) => {
                let slots = groups.iter().map(|group| Slot::of(group.as_str()));
                self.stamps.invalidate(slots);
                Some(groups)
            }
            groups::Groups::TooMany => {
                self.stamps.empty();
                None
            }
            groups::Groups::Malformed => {
                tracing::warn!("a Cache-Group-Invalidation is not a list of strings: ignored");
                return;
            }
        };
        self.metrics.invalidations.inc();
        self.announce(groups).await;
    }

    /// Publishes on the channel what is stale and waits until that is effective on every host; where the channel fails,
    /// until their leases have ended.
    async fn announce(&self, groups: Option<Vec<String>>) {
        let (done, effective) = oneshot::channel();
        let mut queued = false;
        {
            let said = async {
                let sent = self.queue.send(Stale { groups, done }).await;
                queued = true;
                sent.is_ok() && effective.await.is_ok()
            };
            let mut said = pin!(said);
            let limit = Instant::now() + 4 * CACHE_LEASE;
            loop {
                let over = self.lease.all_over().map(|over| over.min(limit));
                match over.filter(|over| *over > Instant::now()) {
                    Some(over) => {
                        if timeout_at(over.into(), &mut said).await.is_ok() {
                            break;
                        }
                    }
                    None => {
                        // No host serves from its store; it is published when the channel is back.
                        let _ = said.as_mut().now_or_never();
                        break;
                    }
                }
            }
        }
        if !queued {
            self.unsaid.store(true, Ordering::SeqCst);
        }
    }

    /// Whether an invalidation could not be queued since this was last asked.
    fn unsaid(&self) -> bool {
        self.unsaid.load(Ordering::Relaxed) && self.unsaid.swap(false, Ordering::SeqCst)
    }

    /// Notes that the beat sent at `sent` came back.
    fn renewed(&self, sent: u64) {
        self.lease.renew(sent);
        self.metrics.channel_up.set(1);
    }

    /// Notes that the channel is lost: messages sent meanwhile will not be received.
    fn lost(&self) {
        self.lease.revoke();
        self.stamps.empty();
        self.metrics.channel_up.set(0);
    }

    fn measure(&self) {
        let gauge = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.metrics.bytes.set(gauge(self.store.weight()));
        self.metrics.entries.set(gauge(self.store.len() as u64));
    }
}

impl Lead<'_> {
    fn fill(self, stored: Stored) {
        // Refused where something else was stored there meanwhile, which is as good.
        let _ = self.guard.insert(stored);
    }
}
