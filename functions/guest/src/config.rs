//! Spin variables, read once per instance.

use crate::host::variables;
use crate::http::cross_origin;
use crate::{Fault, caller, limit};
use contract::store::call::sale::Rates;
use domain::limits::{HOLD_MS, HOLD_MS_MAX};
use domain::{Gene, Ms, ShardCount};
use std::str::FromStr;
use std::sync::OnceLock;

/// Values of the Spin variables. URLs are secrets, as they may have passwords.
#[derive(Debug)]
pub struct Config {
    shards: ShardCount,
    mysql_urls: Vec<String>,
    /// `mysql://` URL of the inventory database: variable `inventory_url`.
    pub inventory_url: String,
    /// `redis://` URL: variable `redis_url`.
    pub redis_url: String,
    /// `http://` URL of the search index, variable `elasticsearch_url`; `None`: the databases answer alone.
    pub elasticsearch_url: Option<String>,
    /// `http://` or `https://` URL of the payment provider, variable `payment_url`; `None`: buyers cannot pay.
    pub payment_url: Option<String>,
    /// Requests for tokens and purchases in one flash sale: of all buyers a second
    /// (`seckill_requests_per_second_max`), of each a minute (`seckill_user_requests_per_minute_max`); 0 = any number.
    pub seckill_rates: Rates,
    /// How long units are held that other systems hold: variable `stock_hold_seconds`, in ms.
    pub hold_ms: Ms,
}

impl Config {
    /// As many as `mysql_urls` lists.
    pub fn shards(&self) -> ShardCount {
        self.shards
    }

    /// URL of the shard that holds this gene's orders.
    pub fn shard_url(&self, gene: Gene) -> &str {
        &self.mysql_urls[self.shards.shard_of(gene)]
    }

    /// URLs of all order shards, by index.
    pub fn shard_urls(&self) -> &[String] {
        &self.mysql_urls
    }
}

static CONFIG: OnceLock<Config> = OnceLock::new();

/// The configuration.
///
/// # Errors
/// While a variable is missing or wrong.
pub async fn config() -> Result<&'static Config, Fault> {
    if let Some(config) = CONFIG.get() {
        return Ok(config);
    }
    let config = read().await?;
    Ok(CONFIG.get_or_init(|| config))
}

async fn read() -> Result<Config, Fault> {
    // What lists no origin is reported here; until then no page may do anything.
    cross_origin::origins().await?;
    caller::check().await?;
    limit::check_variables().await?;
    let mysql_urls: Vec<String> = required("mysql_urls")
        .await?
        .split(',')
        .map(|url| url.trim().to_owned())
        .filter(|url| !url.is_empty())
        .collect();
    let shards = ShardCount::new(mysql_urls.len())
        .map_err(|error| Fault::Internal(format!("variable mysql_urls: {error}")))?;
    Ok(Config {
        shards,
        mysql_urls,
        inventory_url: required("inventory_url").await?,
        redis_url: required("redis_url").await?,
        elasticsearch_url: optional("elasticsearch_url").await?,
        payment_url: payment_url(optional("payment_url").await?)?,
        seckill_rates: Rates {
            per_second_max: number_or("seckill_requests_per_second_max", 0).await?,
            user_per_minute_max: number_or("seckill_user_requests_per_minute_max", 0).await?,
        },
        hold_ms: hold_ms(optional("stock_hold_seconds").await?.as_deref())?,
    })
}

/// Checked before a buyer pays.
fn payment_url(text: Option<String>) -> Result<Option<String>, Fault> {
    let is_url = |text: &String| {
        let uri = text.parse::<http::Uri>().ok();
        uri.is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none()
        })
    };
    match text {
        Some(text) if !is_url(&text) => Err(Fault::Internal(
            "variable payment_url must look like http://HOST:PORT".to_owned(),
        )),
        text => Ok(text),
    }
}

/// [`HOLD_MS`] where the variable is not declared or empty.
fn hold_ms(text: Option<&str>) -> Result<Ms, Fault> {
    let Some(text) = text else {
        return Ok(HOLD_MS);
    };
    let seconds = text.parse::<Ms>().ok();
    let ms = seconds.and_then(|seconds| seconds.checked_mul(1_000));
    ms.filter(|ms| (1..=HOLD_MS_MAX).contains(ms))
        .ok_or_else(|| {
            Fault::Internal(format!(
                "variable stock_hold_seconds is no number from 1 to {}",
                HOLD_MS_MAX / 1_000
            ))
        })
}

/// The value of a variable; `None` where it is not declared or empty.
///
/// # Errors
/// Where the host cannot give it.
pub async fn optional(name: &str) -> Result<Option<String>, Fault> {
    match variables::get(name).await {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(variables::Error::Undefined(_) | variables::Error::InvalidName(_)) => Ok(None),
        Err(_) => Err(Fault::Internal(format!("variable {name} cannot be read"))),
    }
}

/// The number in a variable; `otherwise` where it is not declared or empty.
///
/// # Errors
/// Where it is no number.
pub async fn number_or<T: FromStr>(name: &str, otherwise: T) -> Result<T, Fault> {
    let Some(text) = optional(name).await? else {
        return Ok(otherwise);
    };
    text.parse()
        .map_err(|_| Fault::Internal(format!("variable {name} is not a number")))
}

/// The value of a variable.
///
/// # Errors
/// Where it is not declared or empty, or the host cannot give it.
pub(crate) async fn required(name: &str) -> Result<String, Fault> {
    optional(name)
        .await?
        .ok_or_else(|| Fault::Internal(format!("variable {name} is not set")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_addresses() {
        let of = |text: &str| payment_url(Some(text.to_owned()));
        for right in ["http://pay:8080", "https://pay.example/v2/"] {
            assert_eq!(of(right).unwrap().as_deref(), Some(right));
        }
        for wrong in [
            "pay:8080",
            "ftp://pay",
            "http://",
            "http://pay?x=1",
            "/payments",
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
        assert_eq!(payment_url(None).unwrap(), None);
    }

    #[test]
    fn holds_have_an_end() {
        assert_eq!(hold_ms(None).unwrap(), HOLD_MS);
        assert_eq!(hold_ms(Some("1")).unwrap(), 1_000);
        assert_eq!(hold_ms(Some("2592000")).unwrap(), HOLD_MS_MAX);
        for wrong in [
            "0",
            "-1",
            "2592001",
            "18446744073709551615",
            "1.5",
            "half an hour",
        ] {
            assert!(hold_ms(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
