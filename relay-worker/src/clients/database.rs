//! Sessions with the order shards and the inventory database: bounded pools, READ COMMITTED so that claims take no gap
//! locks, and names for messages that hold no password.

pub use contract::store::sql::padded;

use crate::limits::{CONNECT_TIMEOUT_MS, SESSIONS_MAX};
use contract::store::redis::USER_TAGS;
use domain::{Gene, OrderId, ShardCount};
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
use sqlx::{AssertSqlSafe, Executor, MySql, Transaction};
use std::str::FromStr;
use std::time::Duration;

/// How long the server waits: for another's lock, which a frozen relay would get and hold; and for this relay in the
/// middle of a transaction, whose locks a frozen one would hold for hours. MySQL has no limit for an idle transaction
/// and reads that part as a comment.
const PATIENCE: &str = "SET SESSION innodb_lock_wait_timeout = 1, /*M! idle_transaction_timeout = 2, */ \
     net_write_timeout = 2, net_read_timeout = 2";

/// Where one database is, and its name in messages.
#[derive(Clone, Debug)]
pub struct Address {
    options: MySqlConnectOptions,
    /// `host:port/database`, for messages.
    pub name: String,
    /// The database's own name: up to 64 letters, digits, underscores and hyphens.
    pub database: String,
}

impl Address {
    /// Reads `mysql://user:password@host:port/database`.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence; never shows the text.
    pub fn parse(url: &str) -> Result<Address, String> {
        const SHAPE: &str = "must look like mysql://USER:PASSWORD@HOST:PORT/DATABASE";
        if !url.starts_with("mysql://") && !url.starts_with("mariadb://") {
            return Err(SHAPE.to_owned());
        }
        let options = MySqlConnectOptions::from_str(url).map_err(|_| SHAPE.to_owned())?;
        let database = options.get_database().unwrap_or_default().to_owned();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if database.is_empty() || database.len() > 64 || !database.chars().all(plain) {
            return Err(
                "must name a database of letters, digits, underscores and hyphens".to_owned(),
            );
        }
        let name = format!("{}:{}/{database}", options.get_host(), options.get_port());
        Ok(Address {
            options: options.statement_cache_capacity(256),
            name,
            database,
        })
    }

    /// Options to connect to the server without a database, to create it.
    pub fn server(&self) -> MySqlConnectOptions {
        self.options.clone().database("")
    }

    /// Options to connect to the database.
    pub fn options(&self) -> &MySqlConnectOptions {
        &self.options
    }

    fn open(&self) -> Database {
        let pool = MySqlPoolOptions::new()
            .max_connections(SESSIONS_MAX)
            .min_connections(0)
            .acquire_timeout(Duration::from_millis(CONNECT_TIMEOUT_MS))
            .idle_timeout(Duration::from_secs(600))
            .max_lifetime(None)
            .test_before_acquire(false)
            .after_connect(|session, _| {
                Box::pin(async move {
                    session
                        .execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
                        .await?;
                    session.execute(PATIENCE).await?;
                    Ok(())
                })
            })
            .connect_lazy_with(self.options.clone());
        Database {
            name: self.name.clone(),
            pool,
        }
    }
}

/// A database and its pool of sessions.
#[derive(Clone, Debug)]
pub struct Database {
    /// `host:port/database`, for messages.
    pub name: String,
    /// At most [`SESSIONS_MAX`] sessions, opened when needed.
    pub pool: MySqlPool,
}

impl Database {
    /// Begins a transaction, rolled back when dropped.
    ///
    /// # Errors
    /// Where no session is free in time, or the database is away.
    pub async fn begin(&self) -> sqlx::Result<Transaction<'static, MySql>> {
        self.pool.begin().await
    }
}

/// All databases of the platform.
#[derive(Clone, Debug)]
pub struct Databases {
    /// The order shards, by their index.
    pub shards: Vec<Database>,
    /// Stock, flash sales and failures.
    pub inventory: Database,
    count: ShardCount,
}

impl Databases {
    /// Opens sessions lazily: a database that is away fails the first statement.
    pub fn open(shards: &[Address], inventory: &Address, count: ShardCount) -> Databases {
        Databases {
            shards: shards.iter().map(Address::open).collect(),
            inventory: inventory.open(),
            count,
        }
    }

    /// Index of the shard that holds the order.
    pub fn shard_of(&self, order: OrderId) -> usize {
        self.count.shard_of(order.gene())
    }

    /// Index of the shard that holds the orders of users with this gene.
    pub fn shard_of_gene(&self, gene: Gene) -> usize {
        self.count.shard_of(gene)
    }

    /// Index of the shard that holds all orders of a user tag (a gene modulo [`USER_TAGS`]); `None` where there are
    /// more shards than tags.
    pub fn shard_of_tag(&self, tag: u16) -> Option<usize> {
        let tags = usize::from(USER_TAGS);
        (self.count.get() <= tags).then(|| usize::from(tag) % self.count.get())
    }

    /// Groups `items` by the shard of their order; each with the shard's index, shards without any left out.
    pub fn by_shard<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        order: impl Fn(&T) -> OrderId,
    ) -> Vec<(usize, Vec<T>)> {
        self.by_gene(items, |item| order(item).gene())
    }

    /// Groups `items` by the shard of their user's gene; each with the shard's index, shards without any left out.
    pub fn by_gene<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        gene: impl Fn(&T) -> Gene,
    ) -> Vec<(usize, Vec<T>)> {
        let mut shards: Vec<Vec<T>> = self.shards.iter().map(|_| Vec::new()).collect();
        for item in items {
            shards[self.count.shard_of(gene(&item))].push(item);
        }
        shards
            .into_iter()
            .enumerate()
            .filter(|(_, items)| !items.is_empty())
            .collect()
    }

    /// Waits until all sessions are given back and closed.
    pub async fn close(&self) {
        for shard in &self.shards {
            shard.pool.close().await;
        }
        self.inventory.pool.close().await;
    }
}

/// Marks `sql` as safe: it is assembled from constants and placeholders only, and values are bound.
pub fn assembled(sql: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql)
}

/// The server's error code of a refused statement; `None` for other errors.
pub fn code(error: &sqlx::Error) -> Option<u16> {
    error
        .as_database_error()
        .and_then(|refused| refused.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>())
        .map(sqlx::mysql::MySqlDatabaseError::number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_no_password() {
        let address = Address::parse("mysql://me:s3cret@db.example:3307/order_0").unwrap();
        assert_eq!(address.name, "db.example:3307/order_0");
        for bad in [
            "",
            "db",
            "http://me:s3cret@h/d",
            "mysql://me:s3cret@h:1",
            "mysql://h:x/d",
            "mysql://h/a`b",
        ] {
            let error = Address::parse(bad).unwrap_err();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
