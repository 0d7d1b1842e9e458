//! Where payments are asked about and reported: the payment provider, and the platform's own API.

use anyhow::{Context, anyhow, bail};
use auth::keys::Key;
use clap::Args;

/// The addresses as text; see [`PaymentArgs::settings`].
#[derive(Debug, Args)]
pub struct PaymentArgs {
    /// http://HOST:PORT of the payment provider; empty: nobody is asked about payments
    #[arg(long, env = "PAYMENT_URL", hide_env_values = true, default_value = "")]
    payment_url: String,
    /// http://HOST:PORT of the API, to which payments are reported that the provider did not report
    #[arg(long, env = "API_URL", hide_env_values = true, default_value = "")]
    api_url: String,
    /// What reports are signed with: NAME:KEY, a key of MACHINE_KEYS with role provider
    #[arg(long, env = "MACHINE_KEY", hide_env_values = true, default_value = "")]
    machine_key: String,
}

/// Where to ask, and where to report.
#[derive(Debug)]
pub struct Settings {
    /// The provider, without a slash at the end.
    pub payment_url: String,
    /// The API, without a slash at the end.
    pub api_url: String,
    /// Signs reports.
    pub key: Key,
}

impl PaymentArgs {
    /// Reads and checks the three variables; `None` where `PAYMENT_URL` is empty.
    ///
    /// # Errors
    /// One line naming the variable.
    pub fn settings(&self) -> anyhow::Result<Option<Settings>> {
        let Some(payment_url) = base("PAYMENT_URL", &self.payment_url)? else {
            return Ok(None);
        };
        let api_url = base("API_URL", &self.api_url)?;
        let api_url = api_url.context("API_URL must be set where PAYMENT_URL is")?;
        if self.machine_key.trim().is_empty() {
            bail!("MACHINE_KEY must be set where PAYMENT_URL is");
        }
        let key = Key::of_machine(&self.machine_key);
        Ok(Some(Settings {
            payment_url,
            api_url,
            key: key.map_err(|reason| anyhow!("MACHINE_KEY: {reason}"))?,
        }))
    }
}

/// A plain URL without a path, a user, or a slash at the end; `None` where it is empty.
fn base(name: &str, text: &str) -> anyhow::Result<Option<String>> {
    let url = text.trim().trim_end_matches('/');
    if url.is_empty() {
        return Ok(None);
    }
    let is_plain = |uri: &http::Uri| {
        uri.scheme_str() == Some("http")
            && uri
                .authority()
                .is_some_and(|one| !one.as_str().contains('@'))
            && matches!(uri.path(), "" | "/")
    };
    match url.parse::<http::Uri>().ok().filter(is_plain) {
        Some(_) => Ok(Some(url.to_owned())),
        None => bail!("{name} must look like http://HOST:PORT"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_or_nothing_and_no_secret_in_an_error() {
        let secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA";
        let key = format!("relay:{secret}");
        let of = |payment: &str, api: &str, key: &str| {
            PaymentArgs {
                payment_url: payment.to_owned(),
                api_url: api.to_owned(),
                machine_key: key.to_owned(),
            }
            .settings()
        };
        assert!(of("", "", "").unwrap().is_none());
        let all = of("http://pay:1/", "http://api:2", &key).unwrap().unwrap();
        assert_eq!(
            (&*all.payment_url, &*all.api_url),
            ("http://pay:1", "http://api:2")
        );
        for (payment, api, key, name) in [
            ("https://pay", "http://api", &*key, "PAYMENT_URL"),
            ("http://pay/x", "http://api", &key, "PAYMENT_URL"),
            ("http://pay", "", &key, "API_URL"),
            ("http://pay", "http://u:p@api", &key, "API_URL"),
            ("http://pay", "http://api", "", "MACHINE_KEY"),
            ("http://pay", "http://api", secret, "MACHINE_KEY"),
        ] {
            let error = of(payment, api, key).unwrap_err().to_string();
            assert!(
                error.starts_with(name) && !error.contains(secret),
                "{error}"
            );
        }
    }
}
