//! The parameters that a database address may have, and the driver's options for it.

use mysql_async::{Opts, OptsBuilder};
use url::Url;

/// The query parameters that an address may have. Others that the driver knows are up to the pool, lead past the
/// address that was allowed, or need TLS, which this build does not support for MySQL.
const PARAMETERS: [&str; 4] = ["charset", "client_found_rows", "ssl-mode", "sslmode"];

/// The driver's options for `url`.
pub fn options(url: &Url) -> Result<Opts, String> {
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
    // With a server on the same machine, the driver would switch to its Unix socket: past the allowed address and a
    // proxy there.
    Ok(OptsBuilder::from_opts(opts)
        .prefer_socket(false)
        .tcp_nodelay(true)
        // Each session has its own cache of statements.
        .stmt_cache_size(0)
        .into())
}
