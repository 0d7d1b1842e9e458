//! What each client connection holds of the host: requests, reply bytes that it has not taken, and since when it is
//! idle. `Ledger` knows all connections of the process, closes those that stall, and evicts the longest idle ones for
//! new ones.

use crate::limits;
use bytes::{Buf, Bytes};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// One connection's account. Counters are changed by the connection's thread and read by the sweep.
#[derive(Debug)]
pub struct Account {
    ledger: Arc<Ledger>,
    number: u64,
    address: IpAddr,
    /// In ms since the ledger began, as all times here.
    opened_at: u64,
    /// When a request last began or ended.
    active_at: AtomicU64,
    /// Requests whose replies were not handed over whole to the connection.
    open: AtomicUsize,
    /// Bytes of replies that the client has not taken.
    unsent: AtomicUsize,
    /// Bytes of replies it has taken.
    sent: AtomicU64,
    /// Bytes written to the socket, whatever they were.
    written: AtomicU64,
    /// Replies that were handed over whole.
    replies: AtomicU64,
    /// One permit per request that may be handled at a time.
    turns: Arc<Semaphore>,
    /// Held by the first request that waits for a turn.
    waiting: tokio::sync::Mutex<()>,
    /// A request was begun since everything was last written out: what is written belongs to a reply.
    replying: AtomicBool,
    /// The socket takes no more at the moment.
    blocked: AtomicBool,
    /// Bytes of a request head that is incomplete.
    head: AtomicUsize,
    /// The head of the next request gives the length of its content in two ways.
    ambiguous: AtomicBool,
    /// How far the client is behind the slowest rate allowed, in ms, and the counts of sent and written bytes at the
    /// last sweep.
    debt: AtomicU64,
    judged: [AtomicU64; 2],
    room: Notify,
    ending: AtomicU8,
    ended: Notify,
}

/// How a connection is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// When its requests have been answered.
    Gracefully,
    /// At once.
    AtOnce,
}

/// All accounts of the process.
#[derive(Debug)]
pub struct Ledger {
    began: Instant,
    unsent: AtomicUsize,
    accounts: Mutex<Accounts>,
    evicted: prometheus::IntCounter,
}

#[derive(Debug, Default)]
struct Accounts {
    next: u64,
    by_number: HashMap<u64, Arc<Account>>,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection's entry in the ledger, taken out when dropped.
#[derive(Debug)]
pub struct Entry(Arc<Account>);

impl Entry {
    /// The account.
    pub fn account(&self) -> &Arc<Account> {
        &self.0
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut accounts = self.0.ledger.lock();
        accounts.by_number.remove(&self.0.number);
        if let Some(count) = accounts.by_address.get_mut(&self.0.address) {
            *count -= 1;
            if *count == 0 {
                accounts.by_address.remove(&self.0.address);
            }
        }
    }
}

impl Ledger {
    /// An empty ledger; `evicted` counts connections that were evicted for others, or closed because they stalled.
    pub fn new(evicted: prometheus::IntCounter) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            unsent: AtomicUsize::new(0),
            accounts: Mutex::default(),
            evicted,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ms(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.began);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// An account for a connection from `address`; `None` where that address has `per_address_max` already.
    pub fn open(self: &Arc<Self>, address: IpAddr, per_address_max: usize) -> Option<Entry> {
        let now = self.ms(Instant::now());
        let mut accounts = self.lock();
        let count = accounts.by_address.entry(address).or_default();
        if *count >= per_address_max {
            return None;
        }
        *count += 1;
        accounts.next += 1;
        let account = Arc::new(Account {
            ledger: self.clone(),
            number: accounts.next,
            address,
            opened_at: now,
            active_at: AtomicU64::new(now),
            open: AtomicUsize::new(0),
            unsent: AtomicUsize::new(0),
            sent: AtomicU64::new(0),
            written: AtomicU64::new(0),
            replies: AtomicU64::new(0),
            turns: Arc::new(Semaphore::new(limits::H2_TURNS_MIN)),
            waiting: tokio::sync::Mutex::default(),
            replying: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            head: AtomicUsize::new(0),
            ambiguous: AtomicBool::new(false),
            debt: AtomicU64::new(0),
            judged: Default::default(),
            room: Notify::new(),
            ending: AtomicU8::new(0),
            ended: Notify::new(),
        });
        accounts.by_number.insert(account.number, account.clone());
        Some(Entry(account))
    }

    /// Evicts the connections that have been idle for longest, of `address` where one is given: a few at once, as
    /// looking through all of them has a price. Says whether any was evicted.
    pub fn evict_idle(&self, address: Option<IpAddr>) -> bool {
        let now = self.ms(Instant::now());
        let accounts = self.lock();
        let mut idle: Vec<(u64, &Arc<Account>)> = accounts
            .by_number
            .values()
            .filter(|account| address.is_none_or(|address| account.address == address))
            .filter_map(|account| Some((account.idle_since(now)?, account)))
            .collect();
        let few = (accounts.by_number.len() / 64).clamp(1, limits::EVICTED_AT_ONCE_MAX);
        if idle.len() > few {
            idle.select_nth_unstable_by_key(few, |(since, _)| *since);
            idle.truncate(few);
        }
        for (_, account) in &idle {
            self.evicted.inc();
            account.end(Ending::AtOnce);
        }
        !idle.is_empty()
    }

    /// Checks every connection and closes those beyond a bound; `elapsed_ms` is the time since the last sweep.
    pub fn sweep(&self, elapsed_ms: u64, idle_max_ms: u64) {
        let now = self.ms(Instant::now());
        let accounts = self.lock();
        let mut heads = 0;
        for account in accounts.by_number.values() {
            heads += account.head.load(Relaxed);
            if account.stands_still(elapsed_ms) || account.is_silent(now, idle_max_ms) {
                self.evicted.inc();
                account.end(Ending::AtOnce);
            } else if now.saturating_sub(account.opened_at) > limits::CONNECTION_AGE_MAX_MS {
                account.end(Ending::Gracefully);
            }
        }
        let unsent = self.unsent.load(Relaxed);
        let largest = |of: fn(&Account) -> usize, held: usize, max: usize| {
            let mut excess = held.saturating_sub(max);
            let mut all: Vec<_> = accounts.by_number.values().map(|a| (of(a), a)).collect();
            all.sort_unstable_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
            for (bytes, account) in all {
                if excess == 0 || bytes == 0 {
                    break;
                }
                self.evicted.inc();
                account.end(Ending::AtOnce);
                excess = excess.saturating_sub(bytes);
            }
        };
        if unsent > limits::UNSENT_BYTES_MAX {
            largest(|a| a.unsent.load(Relaxed), unsent, limits::UNSENT_BYTES_MAX);
        }
        if heads > limits::HEADS_BYTES_MAX {
            largest(|a| a.head.load(Relaxed), heads, limits::HEADS_BYTES_MAX);
        }
    }
}

impl Account {
    /// Notes that a request has begun: its head was read.
    pub fn begin(self: &Arc<Self>, now: Instant) -> Open {
        self.open.fetch_add(1, Relaxed);
        self.replying.store(true, Relaxed);
        self.head.store(0, Relaxed);
        self.active_at.store(self.ledger.ms(now), Relaxed);
        Open(self.clone())
    }

    /// Whether every reply was handed over whole to the connection.
    pub fn is_at_rest(&self) -> bool {
        self.open.load(Relaxed) == 0
    }

    /// Whether bytes that the connection writes may belong to a reply.
    pub fn is_replying(&self) -> bool {
        self.replying.load(Relaxed)
    }

    /// Notes that nothing is left to be written.
    pub fn flushed(&self) {
        if self.is_at_rest() {
            self.replying.store(false, Relaxed);
        }
    }

    /// Bytes of a reply, counted until the client has taken them.
    pub fn chunk(self: &Arc<Self>, bytes: Bytes) -> Chunk {
        self.unsent.fetch_add(bytes.len(), Relaxed);
        self.ledger.unsent.fetch_add(bytes.len(), Relaxed);
        Chunk {
            bytes,
            account: self.clone(),
        }
    }

    /// Waits until the client has taken enough of its replies to be sent more.
    pub async fn room(&self) {
        while !self.has_room() {
            let freed = self.room.notified();
            if self.has_room() {
                return;
            }
            freed.await;
        }
    }

    /// Whether the client may be sent more.
    pub fn has_room(&self) -> bool {
        let unsent = self.unsent.load(Relaxed);
        let crowded = self.ledger.unsent.load(Relaxed) > limits::UNSENT_BYTES_MAX;
        !self.blocked.load(Relaxed)
            && unsent < limits::CONNECTION_UNSENT_BYTES_MAX
            && (unsent == 0 || !crowded)
    }

    /// Notes that the socket is full, or takes bytes again.
    pub fn set_blocked(&self, blocked: bool) {
        if self.blocked.swap(blocked, Relaxed) && !blocked {
            self.room.notify_waiters();
        }
    }

    /// Notes bytes that were read.
    pub fn read(&self, bytes: usize) {
        if self.is_at_rest() {
            self.head.fetch_add(bytes, Relaxed);
        }
    }

    /// Notes that a head gives the length of its content in two ways.
    pub fn note_ambiguous(&self) {
        self.ambiguous.store(true, Relaxed);
    }

    /// Whether the head of the request that begins was noted so.
    pub fn take_ambiguous(&self) -> bool {
        self.ambiguous.swap(false, Relaxed)
    }

    /// Bytes read so far of an incomplete head.
    pub fn head_bytes(&self) -> usize {
        self.head.load(Relaxed)
    }

    /// Waits until a further request of an HTTP/2 connection may be handled. A client that has taken no reply yet may
    /// not want any; each that it takes allows one more at a time. Replies that take long, or never end, delay the
    /// others only briefly: then the next is handled without a turn (`None`).
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(turn) = self.turns.clone().try_acquire_owned() {
            return Some(turn);
        }
        let _next = self.waiting.lock().await;
        let turn = self.turns.clone().acquire_owned();
        timeout(limits::H2_TURN_TIMEOUT, turn).await.ok()?.ok()
    }

    /// Notes that a reply was handed over whole.
    fn replied(&self) {
        let before = self.replies.fetch_add(1, Relaxed);
        if before < (limits::H2_TURNS_MAX - limits::H2_TURNS_MIN) as u64 {
            self.turns.add_permits(1);
        }
    }

    /// The number of replies that were handed over whole.
    pub fn replies(&self) -> u64 {
        self.replies.load(Relaxed)
    }

    /// Bytes written to the socket.
    pub fn written(&self) -> u64 {
        self.written.load(Relaxed)
    }

    /// Notes bytes that were written.
    pub fn wrote(&self, bytes: usize) {
        self.written.fetch_add(bytes as u64, Relaxed);
    }

    /// Asks the connection to end.
    fn end(&self, ending: Ending) {
        self.ending.fetch_max(ending as u8 + 1, Relaxed);
        self.ended.notify_waiters();
        self.ended.notify_one();
    }

    /// Returns when the connection is asked to end: at once, or, if `gracefully` is set, also gracefully.
    pub async fn asked_to_end(&self, gracefully: bool) -> Ending {
        loop {
            match self.ending.load(Relaxed) {
                2 => return Ending::AtOnce,
                1 if gracefully => return Ending::Gracefully,
                _ => self.ended.notified().await,
            }
        }
    }

    fn idle_since(&self, now: u64) -> Option<u64> {
        let since = self.active_at.load(Relaxed);
        let idle = self.is_at_rest()
            && self.ending.load(Relaxed) < 2
            && now.saturating_sub(since) >= limits::EVICTED_AFTER_MS;
        idle.then_some(since)
    }

    /// Whether there was no request for longer than a client may take to send one.
    fn is_silent(&self, now: u64, idle_max_ms: u64) -> bool {
        // The connection has the same deadline and may answer 408: it goes first.
        let slack = 2 * limits::SWEEP_EVERY.as_millis() as u64;
        self.is_at_rest() && now.saturating_sub(self.active_at.load(Relaxed)) > idle_max_ms + slack
    }

    /// Whether the client takes what is sent to it slower than is allowed.
    fn stands_still(&self, elapsed_ms: u64) -> bool {
        let sent = self.sent.load(Relaxed);
        let written = self.written.load(Relaxed);
        let taken = match self.unsent.load(Relaxed) {
            0 if !self.blocked.load(Relaxed) => {
                self.debt.store(0, Relaxed);
                None
            }
            0 => Some(written.saturating_sub(self.judged[1].load(Relaxed))),
            _ => Some(sent.saturating_sub(self.judged[0].load(Relaxed))),
        };
        self.judged[0].store(sent, Relaxed);
        self.judged[1].store(written, Relaxed);
        let Some(taken) = taken else {
            return false;
        };
        let earned = taken.saturating_mul(1_000) / limits::SEND_BYTES_PER_SECOND_MIN;
        let debt = self.debt.load(Relaxed) + elapsed_ms;
        let debt = debt.saturating_sub(earned);
        self.debt.store(debt, Relaxed);
        debt > limits::SEND_STALL_MAX_MS
    }

    fn taken(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Relaxed);
        self.free(bytes);
    }

    fn free(&self, bytes: usize) {
        if bytes > 0 {
            self.unsent.fetch_sub(bytes, Relaxed);
            self.ledger.unsent.fetch_sub(bytes, Relaxed);
            self.room.notify_waiters();
        }
    }
}

/// A request that has begun; dropped when its reply was handed over whole to the connection.
#[derive(Debug)]
pub struct Open(Arc<Account>);

impl Open {
    /// The account it belongs to.
    pub fn account(&self) -> &Arc<Account> {
        &self.0
    }

    /// Notes that its reply was handed over whole.
    pub fn replied(&self) {
        self.0.replied();
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
        let now = self.0.ledger.ms(Instant::now());
        self.0.active_at.store(now, Relaxed);
    }
}

/// Bytes of a reply on its way. They count as unsent until the connection has sent them or is gone.
#[derive(Debug)]
pub struct Chunk {
    bytes: Bytes,
    account: Arc<Account>,
}

impl Buf for Chunk {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.account.taken(count);
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.account.free(self.bytes.len());
    }
}
