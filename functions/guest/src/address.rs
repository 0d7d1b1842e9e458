//! From which network a request comes, as far as its host says so, and the proxies that the operator trusts.

use crate::{Fault, config};
use http_rules::address::{FORWARDED_HEADER, Proxies, address, network};
use http_rules::caller::ADDRESS_HEADER;
use std::net::IpAddr;
use std::sync::OnceLock;

/// Variable with the proxies whose word about a client counts.
const VARIABLE: &str = "trusted_proxies";

static PROXIES: OnceLock<Proxies> = OnceLock::new();

/// Reads the variable, once per instance.
///
/// # Errors
/// Where it lists what is no network.
pub(crate) async fn proxies() -> Result<&'static Proxies, Fault> {
    if let Some(proxies) = PROXIES.get() {
        return Ok(proxies);
    }
    let text = config::optional(VARIABLE).await?.unwrap_or_default();
    let proxies = Proxies::parse(&text)
        .map_err(|reason| Fault::Internal(format!("variable {VARIABLE}: {reason}")))?;
    Ok(PROXIES.get_or_init(|| proxies))
}

/// The network that the client has to itself; `None` where the host does not say from where the request comes.
/// `lines`: of a request header, as they came.
///
/// # Errors
/// Where the variable is wrong.
pub async fn network_of(
    lines: impl Fn(&'static str) -> Vec<Vec<u8>>,
) -> Result<Option<IpAddr>, Fault> {
    let proxies = proxies().await?;
    let peer = match &lines(ADDRESS_HEADER)[..] {
        [line] => std::str::from_utf8(line).ok().and_then(address),
        _ => None,
    };
    Ok(peer.map(|peer| network(proxies.client(peer, &lines(FORWARDED_HEADER)))))
}
