//! Creates missing databases and brings each to the newest schema, one file at a time; applied files are recorded in
//! `schema_migrations`. Repeatable; a file that was changed after it was applied is an error.

use crate::clients::database::{Address, assembled};
use anyhow::{Context, bail};
use contract::api::identity::hash;
use domain::hex::hex;
use sqlx::{Connection, Executor, MySqlConnection, Row};

struct Migration {
    name: &'static str,
    sql: &'static str,
}

macro_rules! migrations {
    ($($folder:literal / $name:literal),*) => {
        &[$(Migration { name: $name, sql: include_str!(concat!("../../../migrations/", $folder, "/", $name, ".sql")) }),*]
    };
}

/// Files of each order shard, in their order.
const ORDER: &[Migration] = migrations![
    "order" / "0001_orders",
    "order" / "0002_idempotency_records",
    "order" / "0003_published_and_consumed",
    "order" / "0004_payments",
    "order" / "0005_payable_at",
    "order" / "0006_exact_sale_ids",
    "order" / "0007_sales_of_other_systems",
    "order" / "0008_payment_amounts",
    "order" / "0009_payments_asked_for"
];
/// Files of the inventory database, in their order.
const INVENTORY: &[Migration] = migrations![
    "inventory" / "0001_inventory",
    "inventory" / "0002_flash_sale",
    "inventory" / "0003_stock_versions",
    "inventory" / "0004_stock_changes",
    "inventory" / "0005_product_ids",
    "inventory" / "0006_exact_names",
    "inventory" / "0007_stock_holds"
];

/// Files of the user database, in their order.
const USERS: &[Migration] = migrations!["users" / "0001_users"];

/// How many seconds a migration waits for another one of the same database.
const LOCK_WAIT_S: i64 = 60;

/// Applies missing migrations to all databases; returns one line per step, or "up to date" for a database.
///
/// # Errors
/// Where a database is away, a statement fails, or an applied file has changed; names the database and the file.
pub async fn migrate(
    shards: &[Address],
    inventory: &Address,
    users: Option<&Address>,
) -> anyhow::Result<Vec<String>> {
    let mut done = Vec::new();
    let orders = shards.iter().map(|address| (address, ORDER));
    let users = users.map(|address| (address, USERS));
    for (address, migrations) in orders.chain([(inventory, INVENTORY)]).chain(users) {
        let mut lines = one(address, migrations)
            .await
            .with_context(|| address.name.clone())?;
        if lines.is_empty() {
            lines.push("up to date".to_owned());
        }
        done.extend(
            lines
                .into_iter()
                .map(|line| format!("{}: {line}", address.name)),
        );
    }
    Ok(done)
}

async fn one(address: &Address, migrations: &[Migration]) -> anyhow::Result<Vec<String>> {
    let mut done = Vec::new();
    let mut server = MySqlConnection::connect_with(&address.server()).await?;
    let found: Option<String> = sqlx::query_scalar(
        "SELECT CAST(schema_name AS CHAR) FROM information_schema.schemata WHERE schema_name = ?",
    )
    .bind(&address.database)
    .fetch_optional(&mut server)
    .await?;
    if found.is_none() {
        // `Address::parse` has checked that the name cannot end the quotation.
        let create = format!(
            "CREATE DATABASE IF NOT EXISTS `{}` DEFAULT CHARACTER SET utf8mb4",
            address.database
        );
        server.execute(sqlx::raw_sql(assembled(create))).await?;
        done.push("database made".to_owned());
    }
    server.close().await?;

    let mut session = MySqlConnection::connect_with(address.options()).await?;
    let lock = format!("flashorder-migrate:{}", address.database);
    let taken: Option<i64> = sqlx::query_scalar("SELECT CAST(GET_LOCK(?, ?) AS SIGNED)")
        .bind(&lock)
        .bind(LOCK_WAIT_S)
        .fetch_one(&mut session)
        .await?;
    if taken != Some(1) {
        bail!("another migration has been running for {LOCK_WAIT_S} s");
    }
    // The server releases the lock with the session, whatever happens.
    for migration in migrations {
        if apply(&mut session, migration).await? {
            done.push(format!("{} applied", migration.name));
        }
    }
    session.close().await?;
    Ok(done)
}

async fn apply(session: &mut MySqlConnection, migration: &Migration) -> anyhow::Result<bool> {
    session
        .execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations (name VARCHAR(100) NOT NULL PRIMARY KEY, \
             digest CHAR(32) NOT NULL, applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) \
             DEFAULT CHARSET = utf8mb4",
        )
        .await?;
    let digest = hex(&hash(&[migration.sql.as_bytes()]));
    let applied = sqlx::query("SELECT digest FROM schema_migrations WHERE name = ?")
        .bind(migration.name)
        .fetch_optional(&mut *session)
        .await?;
    if let Some(row) = applied {
        if row.try_get::<String, _>(0)? != digest {
            bail!(
                "{} was applied with another content: write a new file instead",
                migration.name
            );
        }
        return Ok(false);
    }
    session
        .execute(sqlx::raw_sql(migration.sql))
        .await
        .with_context(|| migration.name)?;
    sqlx::query("INSERT INTO schema_migrations (name, digest) VALUES (?, ?)")
        .bind(migration.name)
        .bind(digest)
        .execute(session)
        .await?;
    Ok(true)
}
