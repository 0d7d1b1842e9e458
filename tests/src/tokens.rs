//! Access tokens of callers that the tests invent.

use anyhow::{Context, Result};
use auth::{Claims, Keys, Scope, token};
use domain::Role;
use platform::Platform;
use std::time::{SystemTime, UNIX_EPOCH};

/// Whose tokens functions accept where no variable says another.
pub const SCOPE: Scope<'_> = Scope {
    issuer: "flashorder",
    audience: "flashorder",
};

/// Seconds since 1970, by this machine's clock.
pub fn seconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// A token of the first of these keys, which ends then, in seconds since 1970.
///
/// # Errors
/// Where the keys cannot be read.
pub fn signed(
    keys: &str,
    scope: Scope<'_>,
    subject: &str,
    role: Role,
    expires_at: u64,
) -> Result<String> {
    let claims = Claims {
        subject: subject.to_owned(),
        role,
        issued_at: expires_at.saturating_sub(7_200),
        expires_at,
        id: "test".to_owned(),
    };
    Ok(token::sign(&Keys::parse(keys)?, scope, &claims)?)
}

/// A token for a caller of a platform, valid for an hour.
///
/// # Errors
/// Where the platform has no keys.
pub fn of(platform: &Platform, subject: &str, role: Role) -> Result<String> {
    let mut variables = platform.environment().iter();
    let keys = variables.find(|(name, _)| *name == "AUTH_KEYS");
    let (_, keys) = keys.context("no keys")?;
    signed(keys, SCOPE, subject, role, seconds() + 3_600)
}
