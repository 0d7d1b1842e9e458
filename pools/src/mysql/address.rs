//! What an address of a database may say, and what the driver makes of it.

use mysql_async::{Opts, OptsBuilder};
use url::Url;

/// What an address may say beside where and who. Whatever else the driver knows is either the pool's to decide, leads
/// past the address that was allowed, or needs TLS, which this build does not have to MySQL.
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
    // The driver would leave the address for the server's Unix socket when both are on one machine: an address,
    // and a proxy behind it, must mean what they say.
    Ok(OptsBuilder::from_opts(opts)
        .prefer_socket(false)
        .tcp_nodelay(true)
        // A session keeps its statements itself.
        .stmt_cache_size(0)
        .into())
}
