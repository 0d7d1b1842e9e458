//! How often somebody may try: counted before a password is looked at, as hashing one costs more than anything else
//! here. By account, so that passwords cannot be guessed; by network, so that accounts cannot be.

use super::settings::Settings;
use contract::api::identity::hash;
use contract::store::call::limit::{self, MINUTE_MS};
use contract::store::redis as keys;
use domain::Rejection;
use domain::hex::hex;
use guest::redis::Redis;
use guest::{Call, Fault, address};

/// Where the host does not say from where a request comes, all such requests are one client's.
const UNKNOWN: &str = "unknown";

/// Counts an attempt from the caller's network.
///
/// # Errors
/// `RateLimited`, or where Redis is away.
pub async fn from_network(settings: &Settings, call: &Call) -> Result<(), Fault> {
    let network = address::network_of(|name| call.header_lines(name)).await?;
    let network = network.map_or_else(|| UNKNOWN.to_owned(), |network| network.to_string());
    let key = keys::login_network(&network);
    count(settings, key, settings.per_address_max).await
}

/// Counts an attempt at an account, whether there is one or not.
///
/// # Errors
/// `RateLimited`, or where Redis is away.
pub async fn at_account(settings: &Settings, name: &str) -> Result<(), Fault> {
    let key = keys::login_account(&hex(&hash(&[name.as_bytes()])));
    count(settings, key, settings.per_account_max).await
}

async fn count(settings: &Settings, key: String, per_minute_max: u32) -> Result<(), Fault> {
    if per_minute_max == 0 {
        return Ok(());
    }
    let redis = Redis::open(&settings.redis_url).await?;
    let answer = redis
        .call(&limit::take(key, per_minute_max, MINUTE_MS))
        .await?;
    match answer.number(0, "wait")? {
        0 => Ok(()),
        retry_after_ms => Err(Rejection::RateLimited { retry_after_ms }.into()),
    }
}
