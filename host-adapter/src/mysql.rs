//! `spin:mysql@3.0.0` over pooled sessions. Opening is free: a connection takes a session from the pool for each
//! statement and gives it back when no transaction is open on it and all rows are read, so a guest may keep connections
//! for as long as it lives. A session that keeps more (variables, locks, temporary tables) stays with its connection.
//!
//! Bad and forbidden addresses fail at `open`; a database that is away or busy fails the first statement, both as
//! `connection-failed`.

mod budget;
mod host;
mod pool;
mod prepared;
mod rows;
mod session;
mod startup;
mod statement;
mod value;

use crate::allowed_hosts::{AllowedHosts, redacted};
use crate::bindings::spin::mysql::mysql::Error;
use crate::config;
use crate::limits;
use crate::metrics::Metrics;
use budget::Budgets;
use mysql_async::{Opts, OptsBuilder, Params, Row};
use pool::{Lease, Pool, Share, TakeError};
use rows::{Answer, Known};
use statement::{Mode, Word};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

pub use host::MysqlHost;
pub use startup::check;

/// Bounds of every pool of one thread.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections per address and thread.
    pub connections_max: usize,
    /// Prepared statements, shared by all threads.
    pub budgets: Arc<Budgets>,
    /// Wait for a free one.
    pub wait: Duration,
    /// Connect and log in.
    pub connect: Duration,
    /// One statement.
    pub query: Duration,
    /// What each session is set to when it is new, and again when it was reset.
    pub setup: Vec<String>,
}

impl Limits {
    /// The share of one of `threads` threads.
    pub fn of_thread(config: &config::Mysql, threads: usize) -> Self {
        Self {
            budgets: Budgets::new(config.max_statements),
            connections_max: config.max_connections.div_ceil(threads).max(1),
            wait: Duration::from_millis(config.wait_timeout_ms),
            connect: Duration::from_millis(config.connect_timeout_ms),
            query: Duration::from_millis(config.query_timeout_ms),
            setup: setup(config),
        }
    }
}

/// The pools of one thread, by address. A session never leaves the thread whose reactor knows its socket.
#[derive(Debug)]
pub struct Pools {
    limits: Limits,
    metrics: Arc<Metrics>,
    by_address: Mutex<HashMap<String, Arc<Pool>>>,
}

/// What one component may open: the pools it has used so far, so that the check is made once per address.
#[derive(Debug)]
pub struct Access {
    pools: Arc<Pools>,
    /// No other component may open anything.
    alone: bool,
    checked: Mutex<HashMap<String, (Arc<Pool>, Share)>>,
}

/// A guest's connection.
#[derive(Debug)]
pub struct Connection(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    pool: Arc<Pool>,
    share: Share,
    /// Statements of one connection run one after the other, as on the wire.
    state: Arc<tokio::sync::Mutex<State>>,
}

/// What a connection is between two statements.
#[derive(Debug)]
pub struct State {
    /// Its session, while it must be this one.
    lease: Option<Lease>,
    mode: Mode,
    /// A session went away in the middle of something.
    lost: bool,
    /// What the last statement left to be asked for.
    known: Known,
}

impl Default for State {
    fn default() -> Self {
        Self {
            lease: None,
            mode: Mode::Automatic,
            lost: false,
            known: Known::default(),
        }
    }
}

impl Pools {
    /// Empty pools with these bounds.
    pub fn new(limits: Limits, metrics: Arc<Metrics>) -> Self {
        Self {
            limits,
            metrics,
            by_address: Mutex::default(),
        }
    }

    fn get(&self, address: &str, url: &Url) -> Result<Arc<Pool>, String> {
        let mut pools = self
            .by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(address) {
            return Ok(pool.clone());
        }
        if pools.len() >= limits::ADDRESSES_MAX {
            return Err(format!(
                "more than {} database addresses",
                limits::ADDRESSES_MAX
            ));
        }
        let shown = redacted(url);
        let opts = options(url).map_err(|reason| format!("{shown}: {reason}"))?;
        let (host, port) = (opts.ip_or_hostname(), opts.tcp_port());
        let joined = self
            .limits
            .budgets
            .join(host, port, self.limits.connections_max);
        let budget = joined.map_err(|reason| format!("{shown}: {reason}"))?;
        let metrics = self.metrics.pool(&shown);
        let limits = self.limits.clone();
        let opts = OptsBuilder::from_opts(opts).setup(limits.setup.clone());
        let pool = Arc::new(Pool::new(opts.into(), shown, limits, budget, metrics));
        pools.insert(address.to_owned(), pool.clone());
        Ok(pool)
    }
}

impl Pools {
    /// Closes sessions that nobody has used for long, and lets the others forget their statements where a server has no
    /// room for them, for as long as the thread runs.
    pub async fn tend(self: Arc<Self>) {
        let mut halved = self.limits.budgets.halved();
        loop {
            let room_wanted = tokio::select! {
                () = tokio::time::sleep(limits::MYSQL_REAP_EVERY) => false,
                changed = halved.changed() => changed.is_ok(),
            };
            let pools: Vec<Arc<Pool>> = {
                let pools = self.by_address.lock();
                pools
                    .unwrap_or_else(PoisonError::into_inner)
                    .values()
                    .cloned()
                    .collect()
            };
            for pool in pools {
                match room_wanted {
                    true => pool.forget_idle().await,
                    false => pool.reap(limits::MYSQL_IDLE_MAX),
                }
            }
        }
    }
}

impl Access {
    /// The access of one component on the thread of `pools`; `alone` where the application has no other.
    pub fn new(pools: Arc<Pools>, alone: bool) -> Self {
        Self {
            pools,
            alone,
            checked: Mutex::default(),
        }
    }

    /// A connection to `address`, if `allowed` names it. The error names the address without its password.
    pub fn open(&self, address: &str, allowed: &AllowedHosts) -> Result<Connection, String> {
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let (pool, share) = match checked.get(address) {
            Some(known) => known.clone(),
            None => {
                let url = Url::parse(address).map_err(|e| format!("invalid address: {e}"))?;
                if url.scheme() != "mysql" {
                    return Err(format!(
                        "invalid address: the scheme is {:?}, not \"mysql\"",
                        url.scheme()
                    ));
                }
                if !allowed.allows_url(&url) {
                    return Err(format!("address {} is not permitted", redacted(&url)));
                }
                let pool = self.pools.get(address, &url)?;
                let share = pool.share(self.alone);
                checked.insert(address.to_owned(), (pool.clone(), share.clone()));
                (pool, share)
            }
        };
        Ok(Connection(Arc::new(Handle {
            pool,
            share,
            state: Arc::default(),
        })))
    }
}

/// What an address may say beside where and who. Whatever else the driver knows is either the host's to decide, leads
/// past the address that was allowed, or needs TLS, which this build does not have to MySQL.
const PARAMETERS: [&str; 4] = ["charset", "client_found_rows", "ssl-mode", "sslmode"];

/// Limits of the server's patience with this host: a transaction that waits for its next statement, a reply that is not
/// read and a statement that does not come to its end hold locks, and a host that is frozen would hold them for hours.
/// MySQL has no limit for the first and takes it for a comment. And a statement waits for a lock only as long as
/// somebody here waits for it: those of a frozen host would get it one after the other, each for as long as an idle
/// transaction may be.
fn setup(config: &config::Mysql) -> Vec<String> {
    let mut setup = Vec::new();
    let seconds = config.idle_transaction_seconds;
    if seconds > 0 {
        setup.push(format!(
            "SET SESSION /*M! idle_transaction_timeout = {seconds}, */ net_write_timeout = {seconds}, \
             net_read_timeout = {seconds}"
        ));
    }
    if config.lock_wait_seconds > 0 {
        let seconds = config.lock_wait_seconds;
        setup.push(format!("SET SESSION innodb_lock_wait_timeout = {seconds}"));
    }
    setup
}

/// The driver's options for `url`.
fn options(url: &Url) -> Result<Opts, String> {
    let mut kept = Vec::new();
    for (key, value) in url.query_pairs() {
        let key = key.to_ascii_lowercase();
        let is_tls = matches!(key.as_str(), "ssl-mode" | "sslmode");
        if is_tls && !value.eq_ignore_ascii_case("disabled") {
            return Err("TLS to MySQL (ssl-mode) is not supported".to_owned());
        }
        if !PARAMETERS.contains(&key.as_str()) {
            return Err(format!(
                "the parameter {key:?} is not supported in an address"
            ));
        }
        if key == "client_found_rows" {
            kept.push((key, value.into_owned()));
        }
    }
    let mut cleaned = url.clone();
    cleaned.set_query(None);
    if !kept.is_empty() {
        cleaned.query_pairs_mut().extend_pairs(&kept);
    }
    let opts = Opts::from_url(cleaned.as_str()).map_err(|e| e.to_string())?;
    // The driver would leave the address for the server's Unix socket when both are on one machine: a guest's
    // address, and a proxy behind it, must mean what they say.
    Ok(OptsBuilder::from_opts(opts)
        .prefer_socket(false)
        .tcp_nodelay(true)
        // A session keeps its statements itself.
        .stmt_cache_size(0)
        .into())
}

impl Connection {
    /// Runs `statement` and drops what rows it yields.
    ///
    /// # Errors
    /// What the database says; no session, or no answer in time.
    pub async fn execute(&self, statement: &str, params: Params) -> Result<(), Error> {
        self.0.execute(statement, params).await
    }

    /// Runs `statement` and gives all its rows as `read` makes them, for a caller that has no use for a stream. `known`
    /// makes one of a number that the statement before has left.
    ///
    /// # Errors
    /// As above, or what `read` says.
    pub async fn collect<T>(
        &self,
        statement: &str,
        params: Params,
        read: impl FnMut(Row) -> Result<T, Error>,
        known: impl FnOnce(u64) -> T,
    ) -> Result<Vec<T>, Error> {
        let state = self.0.state.clone().lock_owned().await;
        if let Some(row) = state.known.answer(statement) {
            return Ok(vec![known(row.number())]);
        }
        let state = self.0.leased(state).await?;
        rows::collect(state, statement, params, self.0.pool.limits().query, read).await
    }
}

impl From<TakeError> for Error {
    fn from(error: TakeError) -> Self {
        Self::ConnectionFailed(error.to_string())
    }
}

impl Handle {
    async fn execute(&self, statement: &str, params: Params) -> Result<(), Error> {
        let mut state = self.state.clone().lock_owned().await;
        if state.lease.is_none() && !state.lost {
            match statement::word(statement) {
                // Noted, and kept in the session that the next statement takes.
                Some(Word::Mode(mode)) => {
                    state.mode = mode;
                    return Ok(());
                }
                // No transaction is open.
                Some(Word::End) => return Ok(()),
                None => {}
            }
        }
        let mut state = self.leased(state).await?;
        if let Some(Word::Mode(mode)) = statement::word(statement) {
            state.mode = mode;
        }
        rows::execute(state, statement, params, self.pool.limits().query).await
    }

    async fn query(&self, statement: String, params: Params) -> Result<Answer, Error> {
        let state = self.state.clone().lock_owned().await;
        if let Some(known) = state.known.answer(&statement) {
            return Ok(known.answer());
        }
        let state = self.leased(state).await?;
        rows::query(state, statement, params, self.pool.limits().query).await
    }

    /// With a session, taken from the pool if there is none yet.
    async fn leased(
        &self,
        mut state: tokio::sync::OwnedMutexGuard<State>,
    ) -> Result<tokio::sync::OwnedMutexGuard<State>, TakeError> {
        // Not replaced: the guest may be in the middle of a transaction that went with it.
        if state.lost {
            return Err(TakeError::Lost);
        }
        if state.lease.is_none() {
            state.lease = Some(self.pool.take(&self.share, state.mode).await?);
        }
        Ok(state)
    }
}

impl State {
    /// Lets the session go where nothing is left on it that is this connection's.
    fn settle(&mut self) {
        let Some(lease) = &self.lease else {
            return;
        };
        if !lease.is_usable() {
            self.lost = true;
            self.lease = None;
        } else if lease.is_free(self.mode) {
            self.lease = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_before_anything_is_opened() {
        let metrics = Arc::new(Metrics::new().unwrap());
        let limits = Limits::of_thread(&config::Mysql::default(), 2);
        assert_eq!(limits.connections_max, 16);
        let access = Access::new(Arc::new(Pools::new(limits, metrics)), true);
        let allowed = AllowedHosts::parse(&["mysql://db:3306"]).unwrap();
        assert!(
            access
                .open("mysql://root:secret@db/orders", &allowed)
                .is_ok()
        );
        for (address, want) in [
            ("nonsense", "invalid address: relative URL without a base"),
            (
                "http://db/",
                "invalid address: the scheme is \"http\", not \"mysql\"",
            ),
            (
                "mysql://root:secret@other/orders",
                "address mysql://other:3306/orders is not permitted",
            ),
            (
                "mysql://db/orders?ssl-mode=REQUIRED",
                "mysql://db:3306/orders: TLS to MySQL (ssl-mode) is not supported",
            ),
            (
                "mysql://db/orders?socket=/run/other.sock",
                "mysql://db:3306/orders: the parameter \"socket\" is not supported in an address",
            ),
            (
                "mysql://db/orders?require_ssl=true",
                "mysql://db:3306/orders: the parameter \"require_ssl\" is not supported in an address",
            ),
            (
                "mysql://db/orders?stmt_cache_size=100000",
                "mysql://db:3306/orders: the parameter \"stmt_cache_size\" is not supported in an address",
            ),
        ] {
            assert_eq!(access.open(address, &allowed).unwrap_err(), want);
        }
        assert!(
            access
                .open("mysql://db/orders?ssl-mode=DISABLED", &allowed)
                .is_ok()
        );
    }
}
