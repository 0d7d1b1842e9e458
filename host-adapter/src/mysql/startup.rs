//! The database servers that components' variables name, asked before anything listens whether they have room for what
//! this host would prepare there. A server that is away is no reason not to start.

use super::options;
use crate::application::Application;
use crate::config;
use crate::limits;
use crate::startup::StartupError;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};
use std::collections::BTreeMap;
use std::path::Path;
use tokio::time::timeout;
use url::Url;

/// The databases of each server, by host and port; any of their addresses serves to ask it.
type Servers = BTreeMap<(String, u16), (Opts, usize)>;

/// Refuses bounds that a server cannot hold. Waits for each server at most as long as connecting may take.
pub async fn check(
    application: &Application,
    config: &config::Mysql,
    file: &Path,
) -> Result<(), StartupError> {
    for ((host, port), (opts, databases)) in servers(application) {
        let connections = databases * config.max_connections;
        if config.max_statements / connections.max(1) < limits::MYSQL_STATEMENTS_MIN {
            let reason = format!(
                "{connections} connections to {host}:{port} cannot share {} prepared statements: raise it, or lower max_connections",
                config.max_statements
            );
            return Err(fail(file, reason));
        }
        match timeout(limits::MYSQL_CONNECT_TIMEOUT, allowed(opts)).await {
            Ok(Ok(allowed)) if (allowed as usize) < config.max_statements => {
                let reason = format!(
                    "{} are more than {host}:{port} allows all its clients together (max_prepared_stmt_count = {allowed}): lower it, or raise the server's",
                    config.max_statements
                );
                return Err(fail(file, reason));
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

fn fail(file: &Path, reason: String) -> StartupError {
    StartupError::new(file, "outbound_mysql.max_statements", reason)
}

async fn allowed(opts: Opts) -> mysql_async::Result<u64> {
    let mut conn = Conn::new(opts).await?;
    let allowed: Option<u64> = conn.query_first("SELECT @@max_prepared_stmt_count").await?;
    conn.disconnect().await?;
    // A server without the variable has no such bound.
    Ok(allowed.unwrap_or(u64::MAX))
}

/// Every MySQL address in the components' variables that its component may open. A variable may hold several, parted by
/// commas.
fn servers(application: &Application) -> Servers {
    let mut databases: BTreeMap<String, Opts> = BTreeMap::new();
    for guest in &application.guests {
        let values = guest.variables.iter().flat_map(|value| value.split(','));
        for url in values.filter_map(|text| Url::parse(text.trim()).ok()) {
            if url.scheme() == "mysql"
                && guest.allowed_hosts.allows_url(&url)
                && let Ok(opts) = options(&url)
            {
                databases.insert(url.to_string(), opts);
            }
        }
    }
    let mut servers = Servers::new();
    for opts in databases.into_values() {
        let server = (opts.ip_or_hostname().to_owned(), opts.tcp_port());
        servers.entry(server).or_insert((opts, 0)).1 += 1;
    }
    servers
}
