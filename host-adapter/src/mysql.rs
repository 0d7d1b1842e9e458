//! `spin:mysql@3.0.0` over pooled sessions. Opening is free: a connection takes a session from the pool at its first
//! statement and gives it back when the guest drops it, so a guest that opens and waits holds nothing.
//!
//! Bad and forbidden addresses fail at `open`; a database that is away or busy fails the first statement, both as
//! `connection-failed`.

mod host;
mod pool;
mod prepared;
mod rows;
mod session;
mod statement;
mod value;

use crate::allowed_hosts::{AllowedHosts, redacted};
use crate::bindings::spin::mysql::mysql::Error;
use crate::config;
use crate::limits;
use crate::metrics::Metrics;
use mysql_async::{Opts, OptsBuilder, Params, Row};
use pool::{Lease, Pool, TakeError};
use statement::Mode;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

pub use host::MysqlHost;

/// Bounds of every pool of one thread.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections per address and thread.
    pub connections_max: usize,
    /// Wait for a free one.
    pub wait: Duration,
    /// Connect and log in.
    pub connect: Duration,
    /// One statement.
    pub query: Duration,
}

impl Limits {
    /// The share of one of `threads` threads.
    pub fn of_thread(config: &config::Mysql, threads: usize) -> Self {
        Self {
            connections_max: config.max_connections.div_ceil(threads).max(1),
            wait: Duration::from_millis(config.wait_timeout_ms),
            connect: Duration::from_millis(config.connect_timeout_ms),
            query: Duration::from_millis(config.query_timeout_ms),
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
    checked: Mutex<HashMap<String, Arc<Pool>>>,
}

/// A guest's connection.
#[derive(Debug)]
pub struct Connection(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    pool: Arc<Pool>,
    /// Statements of one connection run one after the other, as on the wire.
    session: Arc<tokio::sync::Mutex<Option<Lease>>>,
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
        let metrics = self.metrics.pool(&shown);
        let pool = Arc::new(Pool::new(opts, shown, self.limits.clone(), metrics));
        pools.insert(address.to_owned(), pool.clone());
        Ok(pool)
    }
}

impl Access {
    /// The access of one component on the thread of `pools`.
    pub fn new(pools: Arc<Pools>) -> Self {
        Self {
            pools,
            checked: Mutex::default(),
        }
    }

    /// A connection to `address`, if `allowed` names it. The error names the address without its password.
    pub fn open(&self, address: &str, allowed: &AllowedHosts) -> Result<Connection, String> {
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = match checked.get(address) {
            Some(pool) => pool.clone(),
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
                checked.insert(address.to_owned(), pool.clone());
                pool
            }
        };
        Ok(Connection(Arc::new(Handle {
            pool,
            session: Arc::default(),
        })))
    }
}

/// The driver's options for `url`. `ssl-mode` other than `disabled` is refused: this build has no TLS to MySQL.
fn options(url: &Url) -> Result<Opts, String> {
    let is_ssl = |key: &str| matches!(key.to_ascii_lowercase().as_str(), "ssl-mode" | "sslmode");
    if url
        .query_pairs()
        .any(|(key, value)| is_ssl(&key) && !value.eq_ignore_ascii_case("disabled"))
    {
        return Err("TLS to MySQL (ssl-mode) is not supported".to_owned());
    }
    // It would lead past the address that was allowed.
    if url.query_pairs().any(|(key, _)| key == "socket") {
        return Err("a socket's path is not permitted in an address".to_owned());
    }
    let kept: Vec<_> = url.query_pairs().filter(|(key, _)| !is_ssl(key)).collect();
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

    /// Runs `statement` and gives all its rows as `read` makes them, for a caller that has no use for a stream.
    ///
    /// # Errors
    /// As above, or what `read` says.
    pub async fn collect<T>(
        &self,
        statement: &str,
        params: Params,
        read: impl FnMut(Row) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let session = self.0.session(Mode::Automatic).await?;
        rows::collect(session, statement, params, self.0.pool.limits().query, read).await
    }
}

impl From<TakeError> for Error {
    fn from(error: TakeError) -> Self {
        Self::ConnectionFailed(error.to_string())
    }
}

impl Handle {
    async fn execute(&self, statement: &str, params: Params) -> Result<(), Error> {
        let mode = statement::mode(statement);
        let session = self.session(mode.unwrap_or(Mode::Automatic)).await?;
        // A transaction's first word is kept in the session from the one before: the server need not hear it.
        if let (Some(mode), Some(lease)) = (mode, session.as_ref())
            && lease.rests_in(mode)
        {
            return Ok(());
        }
        rows::execute(session, statement, params, self.pool.limits().query).await
    }

    /// The session of this connection, taken from the pool in `mode` if there is none yet.
    async fn session(
        &self,
        mode: Mode,
    ) -> Result<tokio::sync::OwnedMutexGuard<Option<Lease>>, TakeError> {
        let mut guard = self.session.clone().lock_owned().await;
        match &*guard {
            // Not replaced: the guest may be in the middle of a transaction that went with it.
            Some(lease) if !lease.is_usable() => return Err(TakeError::Lost),
            Some(_) => {}
            None => *guard = Some(self.pool.take(mode).await?),
        }
        Ok(guard)
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
        let access = Access::new(Arc::new(Pools::new(limits, metrics)));
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
                "mysql://db:3306/orders: a socket's path is not permitted in an address",
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
