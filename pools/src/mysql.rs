//! Pooled sessions of MySQL, bounded per thread. Opening is free: a connection takes a session from the pool for each
//! statement and gives it back when no transaction is open on it and all rows are read, so a caller may keep
//! connections for as long as it lives. A session with other state (variables, locks, temporary tables) stays with its
//! connection.
//!
//! Bad and forbidden addresses fail at [`Access::open`]; a database that is away or busy, or whose circuit breaker is
//! open, fails the first statement, all as [`Error::ConnectionFailed`].

mod address;
mod budget;
mod connection;
mod health;
mod known;
mod lease;
mod limits;
mod pool;
mod prepared;
mod room;
mod rows;
mod run;
mod session;
mod state;
mod statement;
mod stream;

use crate::allowed_hosts::{AllowedHosts, redacted};
use crate::by_address::ByAddress;
use crate::limits::{ADDRESSES_MAX, MYSQL_IDLE_MAX, MYSQL_REAP_EVERY};
use crate::metrics::Metrics;
use address::options;
use mysql_async::OptsBuilder;
use pool::{Pool, Share};
use std::sync::Arc;
use url::Url;

pub use connection::{Connection, Reply};
pub use known::Number;
pub use limits::Limits;
pub use room::check;
pub use rows::{Answer, Decode, Outcome, Rows};

/// Why a statement has no result: the cases and texts of `spin:mysql`, which components read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no session: the address is refused, the server is away or busy, or no session became free in time.
    #[error("{0}")]
    ConnectionFailed(String),
    /// The server refused the statement (its error in the driver's debug form), or did not answer in time.
    #[error("{0}")]
    QueryFailed(String),
    /// A value has a type that the caller cannot represent.
    #[error("{0}")]
    ValueConversionFailed(String),
    /// The rows could not be read to their end.
    #[error("{0}")]
    Other(String),
}

/// The pools of one thread, by address. A session never leaves the thread whose reactor knows its socket.
#[derive(Debug)]
pub struct Pools {
    limits: Limits,
    metrics: Arc<Metrics>,
    by_address: ByAddress<Arc<Pool>>,
}

/// What one component may open: the pools it has used so far, so that the check is made once per address.
#[derive(Debug)]
pub struct Access {
    pools: Arc<Pools>,
    /// No other component may open anything.
    alone: bool,
    checked: ByAddress<(Arc<Pool>, Share)>,
}

impl Pools {
    /// Empty pools with these bounds.
    pub fn new(limits: Limits, metrics: Arc<Metrics>) -> Self {
        Self {
            limits,
            metrics,
            by_address: ByAddress::default(),
        }
    }

    fn get(&self, address: &str, url: &Url) -> Result<Arc<Pool>, String> {
        self.by_address
            .get_or_make(address, |others| self.make(url, others))
    }

    fn make(&self, url: &Url, others: usize) -> Result<Arc<Pool>, String> {
        if others >= ADDRESSES_MAX {
            return Err(format!("more than {ADDRESSES_MAX} database addresses"));
        }
        let shown = redacted(url);
        let opts = options(url).map_err(|reason| format!("{shown}: {reason}"))?;
        let (host, port) = (opts.ip_or_hostname(), opts.tcp_port());
        let joined = self
            .limits
            .budgets
            .join(host, port, self.limits.connections_max);
        let budget = joined.map_err(|reason| format!("{shown}: {reason}"))?;
        let metrics = self.metrics.database(&shown);
        let breaker = self.limits.breakers.get(&shown, &self.metrics);
        let limits = self.limits.clone();
        let opts = OptsBuilder::from_opts(opts).setup(limits.setup.clone());
        Ok(Arc::new(Pool::new(
            opts.into(),
            shown,
            limits,
            budget,
            metrics,
            breaker,
        )))
    }

    /// Runs for as long as the thread does: closes sessions that were idle for long, and the prepared statements of
    /// idle sessions where a server has no room for more.
    pub async fn tend(self: Arc<Self>) {
        let mut halved = self.limits.budgets.halved();
        loop {
            let room_wanted = tokio::select! {
                () = tokio::time::sleep(MYSQL_REAP_EVERY) => false,
                changed = halved.changed() => changed.is_ok(),
            };
            for pool in self.by_address.all() {
                match room_wanted {
                    true => pool.forget_idle().await,
                    false => pool.reap(MYSQL_IDLE_MAX),
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
            checked: ByAddress::default(),
        }
    }

    /// A connection to `address` (`mysql://…`), if `allowed` names it.
    ///
    /// # Errors
    /// [`Error::ConnectionFailed`] where the address is malformed or not allowed; its text has no password.
    pub fn open(&self, address: &str, allowed: &AllowedHosts) -> Result<Connection, Error> {
        let checked = self.checked.get_or_make(address, |_| {
            let pool = self.check(address, allowed)?;
            let share = pool.share(self.alone);
            Ok((pool, share))
        });
        let (pool, share) = checked.map_err(Error::ConnectionFailed)?;
        Ok(Connection::new(pool, share))
    }

    fn check(&self, address: &str, allowed: &AllowedHosts) -> Result<Arc<Pool>, String> {
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
        self.pools.get(address, &url)
    }
}

#[cfg(test)]
mod tests;
