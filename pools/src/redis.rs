//! One shared connection to Redis per address and thread. Commands that change the connection itself (MULTI, WATCH,
//! SELECT, BLPOP …) get a private connection, for as long as the caller keeps its [`Connection`].
//!
//! A bad or forbidden address fails at [`Access::open`]; a Redis that is away, or whose circuit breaker is open, fails
//! the first command.

mod command;
mod error;
mod health;
mod limits;
mod link;

use crate::allowed_hosts::{AllowedHosts, redacted};
use crate::by_address::ByAddress;
use crate::limits::ADDRESSES_MAX;
use crate::metrics::Metrics;
use ::redis::{Cmd, Value};
use link::{Link, Private};
use std::sync::Arc;
use url::Url;

pub use error::Error;
pub use limits::Limits;

/// The links of one thread, by address.
#[derive(Debug)]
pub struct Links {
    limits: Limits,
    metrics: Arc<Metrics>,
    by_address: ByAddress<Arc<Link>>,
}

/// What one component may open.
#[derive(Debug)]
pub struct Access {
    links: Arc<Links>,
    checked: ByAddress<Arc<Link>>,
}

/// A caller's connection. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Connection {
    link: Arc<Link>,
    /// Filled by the first command that needs it.
    private: Arc<tokio::sync::Mutex<Option<Private>>>,
}

impl Links {
    /// No links yet, with these bounds.
    pub fn new(limits: Limits, metrics: Arc<Metrics>) -> Self {
        Self {
            limits,
            metrics,
            by_address: ByAddress::default(),
        }
    }

    fn get(&self, address: &str, url: &Url) -> Result<Arc<Link>, Error> {
        self.by_address.get_or_make(address, |others| {
            if others >= ADDRESSES_MAX {
                return Err(Error::TooManyConnections);
            }
            let shown = redacted(url);
            let metrics = self.metrics.redis(&shown);
            let breaker = self.limits.breakers.get(&shown, &self.metrics);
            let link = Link::new(address, shown, self.limits.clone(), metrics, breaker);
            Ok(Arc::new(link.ok_or(Error::InvalidAddress)?))
        })
    }
}

impl Access {
    /// The access of one component on the thread of `links`.
    pub fn new(links: Arc<Links>) -> Self {
        Self {
            links,
            checked: ByAddress::default(),
        }
    }

    /// A connection to `address` (`redis://…`), if `allowed` names it.
    ///
    /// # Errors
    /// [`Error::InvalidAddress`] where it is malformed or not allowed, [`Error::Other`] for another scheme,
    /// [`Error::TooManyConnections`] where there are too many addresses.
    pub fn open(&self, address: &str, allowed: &AllowedHosts) -> Result<Connection, Error> {
        let link = self
            .checked
            .get_or_make(address, |_| self.check(address, allowed))?;
        Ok(Connection {
            link,
            private: Arc::default(),
        })
    }

    fn check(&self, address: &str, allowed: &AllowedHosts) -> Result<Arc<Link>, Error> {
        let url = Url::parse(address).map_err(|_| Error::InvalidAddress)?;
        if !allowed.allows_url(&url) {
            tracing::warn!(
                address = redacted(&url),
                "redis address that allowed_outbound_hosts does not name"
            );
            return Err(Error::InvalidAddress);
        }
        if url.scheme() != "redis" {
            let reason = format!("the scheme {:?} is not supported", url.scheme());
            return Err(Error::Other(reason));
        }
        self.links.get(address, &url)
    }
}

impl Connection {
    /// Sends `command`. Its `name`, and whether it `has_block` (an argument `BLOCK`), decide whether it shares the
    /// link; an empty name always does, unless an earlier command has made the connection private.
    ///
    /// # Errors
    /// Redis' error, or that it is away or too busy.
    pub async fn send(&self, name: &str, has_block: bool, command: &Cmd) -> Result<Value, Error> {
        let private = &self.private;
        self.link.execute(private, name, has_block, command).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::breaker::Breakers;
    use crate::config;

    #[test]
    fn addresses_are_checked_before_anything_is_opened() {
        let metrics = Arc::new(Metrics::register(&prometheus::Registry::new()).unwrap());
        let breakers = Breakers::new(&config::CircuitBreaker::default());
        let limits = Limits::of_thread(&config::Redis::default(), 2, &breakers);
        let access = Access::new(Arc::new(Links::new(limits, metrics)));
        let allowed = AllowedHosts::parse(&["redis://cache:6379", "rediss://cache:6379"]).unwrap();
        assert!(access.open("redis://:secret@cache/3", &allowed).is_ok());
        for address in ["nonsense", "redis://other", "redis://cache:1"] {
            assert!(
                matches!(access.open(address, &allowed), Err(Error::InvalidAddress)),
                "{address}"
            );
        }
        assert!(matches!(
            access.open("rediss://cache:6379", &allowed),
            Err(Error::Other(_))
        ));
    }
}
