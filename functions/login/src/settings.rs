//! The variables of logging in, read once per instance.

use domain::Rejection;
use domain::limits::{
    ACCESS_TOKEN_SECONDS, ACCESS_TOKEN_SECONDS_MAX, LOGINS_PER_ACCOUNT_MAX, LOGINS_PER_ADDRESS_MAX,
};
use guest::Fault;
use guest::config::{number_or, optional};
use guest::mysql::Db;
use std::sync::OnceLock;

/// Values of the variables. URLs are secrets, as they may have passwords.
pub struct Settings {
    users_url: String,
    /// Of Redis.
    pub redis_url: String,
    /// Whether anybody may become a user.
    pub takes_new_users: bool,
    /// How long an access token is valid.
    pub access_seconds: u64,
    /// Attempts a minute; 0 = any number.
    pub per_account_max: u32,
    /// Attempts a minute; 0 = any number.
    pub per_address_max: u32,
}

impl Settings {
    /// The user database.
    pub fn users(&self) -> Db<'_> {
        Db::at(&self.users_url)
    }
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

/// The settings.
///
/// # Errors
/// `NoLogin` where there is no user database; where a variable is missing or wrong.
pub async fn settings() -> Result<&'static Settings, Fault> {
    if let Some(settings) = SETTINGS.get() {
        return Ok(settings);
    }
    let users_url = optional("users_url").await?.ok_or(Rejection::NoLogin)?;
    let redis_url = optional("redis_url").await?;
    let redis_url = redis_url.ok_or_else(|| wrong("redis_url is not set"))?;
    let takes_new_users = match optional("registration").await?.as_deref() {
        None | Some("closed") => false,
        Some("open") => true,
        Some(_) => return Err(wrong("registration is neither open nor closed")),
    };
    let access_seconds = number_or("access_token_seconds", ACCESS_TOKEN_SECONDS).await?;
    if !(1..=ACCESS_TOKEN_SECONDS_MAX).contains(&access_seconds) {
        let range =
            format!("access_token_seconds is no number from 1 to {ACCESS_TOKEN_SECONDS_MAX}");
        return Err(wrong(&range));
    }
    let settings = Settings {
        users_url,
        redis_url,
        takes_new_users,
        access_seconds,
        per_account_max: number_or("logins_per_account_max", LOGINS_PER_ACCOUNT_MAX).await?,
        per_address_max: number_or("logins_per_address_max", LOGINS_PER_ADDRESS_MAX).await?,
    };
    Ok(SETTINGS.get_or_init(|| settings))
}

fn wrong(text: &str) -> Fault {
    Fault::Internal(format!("variable {text}"))
}
