//! Checks, before anything is served, that servers have room for what this program would prepare there. A server that
//! is away does not prevent the start.

use super::address::options;
use crate::config;
use crate::limits::{MYSQL_CONNECT_TIMEOUT, MYSQL_STATEMENTS_MIN};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};
use std::collections::BTreeMap;
use tokio::time::timeout;
use url::Url;

/// The number of databases of each server, by host and port, with the options of one to connect with.
type Servers = BTreeMap<(String, u16), (Opts, usize)>;

/// Asks the servers of `databases`, each for at most [`MYSQL_CONNECT_TIMEOUT`]. Addresses that no pool would open are
/// skipped.
///
/// # Errors
/// Where `config.max_statements` is more than a server allows, or too few for the connections.
pub async fn check(
    databases: impl IntoIterator<Item = Url>,
    config: &config::Mysql,
) -> Result<(), String> {
    for ((host, port), (opts, databases)) in servers(databases) {
        let connections = databases * config.max_connections;
        if config.max_statements / connections.max(1) < MYSQL_STATEMENTS_MIN {
            return Err(format!(
                "{connections} connections to {host}:{port} cannot share {} prepared statements: raise it, or lower max_connections",
                config.max_statements
            ));
        }
        match timeout(MYSQL_CONNECT_TIMEOUT, allowed(opts)).await {
            Ok(Ok(allowed)) if (allowed as usize) < config.max_statements => {
                return Err(format!(
                    "{} are more than {host}:{port} allows all its clients together (max_prepared_stmt_count = {allowed}): lower it, or raise the server's",
                    config.max_statements
                ));
            }
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => tracing::warn!(
                server = format!("{host}:{port}"),
                "the database does not answer: whether it has room for prepared statements is not known"
            ),
        }
    }
    Ok(())
}

async fn allowed(opts: Opts) -> mysql_async::Result<u64> {
    let mut conn = Conn::new(opts).await?;
    let allowed: Option<u64> = conn.query_first("SELECT @@max_prepared_stmt_count").await?;
    conn.disconnect().await?;
    // A server without the variable has no such bound.
    Ok(allowed.unwrap_or(u64::MAX))
}

fn servers(databases: impl IntoIterator<Item = Url>) -> Servers {
    let mut opts: BTreeMap<String, Opts> = BTreeMap::new();
    for url in databases {
        if let Ok(known) = options(&url) {
            opts.insert(url.to_string(), known);
        }
    }
    let mut servers = Servers::new();
    for opts in opts.into_values() {
        let server = (opts.ip_or_hostname().to_owned(), opts.tcp_port());
        servers.entry(server).or_insert((opts, 0)).1 += 1;
    }
    servers
}
