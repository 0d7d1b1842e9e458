//! Sessions with the order shards and the inventory database: bounded pools that keep what they opened,
//! READ COMMITTED so that claims take no gap locks, and names for messages that hold no password.

pub use contract::store::sql::padded;

use crate::limits::{CONNECT_TIMEOUT_MS, SESSIONS_MAX};
use contract::store::redis::USER_TAGS;
use domain::{Gene, OrderId, ShardCount};
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
use sqlx::{AssertSqlSafe, Executor, MySql, Transaction};
use std::str::FromStr;
use std::time::Duration;

/// How long the server waits: for another's lock (what this relay waits for while it is frozen it would hold next), and
/// for this relay where that is frozen in the middle of a transaction and would hold its locks for hours. MySQL has no
/// limit for an idle transaction and takes it for a comment.
const PATIENCE: &str = "SET SESSION innodb_lock_wait_timeout = 1, /*M! idle_transaction_timeout = 2, */ \
     net_write_timeout = 2, net_read_timeout = 2";

/// One database: where it is, and how messages call it.
#[derive(Clone, Debug)]
pub struct Address {
    options: MySqlConnectOptions,
    /// `host:port/database`
    pub name: String,
    pub database: String,
}

impl Address {
    /// Reads `mysql://user:password@host:port/database`; the error never shows the text.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence.
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

    /// Options to reach the server without a database, for making it.
    pub fn server(&self) -> MySqlConnectOptions {
        self.options.clone().database("")
    }

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

#[derive(Clone, Debug)]
pub struct Database {
    pub name: String,
    pub pool: MySqlPool,
}

impl Database {
    /// # Errors
    /// When no session can be had in time.
    pub async fn begin(&self) -> sqlx::Result<Transaction<'static, MySql>> {
        self.pool.begin().await
    }
}

/// All databases of the platform.
#[derive(Clone, Debug)]
pub struct Databases {
    pub shards: Vec<Database>,
    pub inventory: Database,
    count: ShardCount,
}

impl Databases {
    /// Opens sessions lazily: a database that is away is found out by the first statement.
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

    pub fn shard_of_gene(&self, gene: Gene) -> usize {
        self.count.shard_of(gene)
    }

    /// Index of the shard that holds all orders of a user tag (a gene modulo 64); none where there are more shards than
    /// tags.
    pub fn shard_of_tag(&self, tag: u16) -> Option<usize> {
        let tags = usize::from(USER_TAGS);
        (self.count.get() <= tags).then(|| usize::from(tag) % self.count.get())
    }

    /// Orders apart by shard; shards without any are left out.
    pub fn by_shard<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        order: impl Fn(&T) -> OrderId,
    ) -> Vec<(usize, Vec<T>)> {
        self.by_gene(items, |item| order(item).gene())
    }

    /// What belongs to users apart by shard; shards without any are left out.
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

    pub async fn close(&self) {
        for shard in &self.shards {
            shard.pool.close().await;
        }
        self.inventory.pool.close().await;
    }
}

/// SQL that was put together from constants and placeholders; values are bound, never written into it.
pub fn assembled(sql: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql)
}

/// The server's code of a refused statement.
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
