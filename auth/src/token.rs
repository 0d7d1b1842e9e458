//! Access tokens: JSON Web Tokens (RFC 7519) with one algorithm, HMAC with SHA-256. What the header asks for besides
//! the key's name decides nothing, so no token can choose how it is verified.

use crate::keys::{Key, Keys};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Role;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Bytes of the longest token that is looked at; ours have about 300.
pub const TOKEN_BYTES_MAX: usize = 2_048;
/// Seconds by which clocks may differ.
pub const LEEWAY_SECONDS: u64 = 30;
const ALGORITHM: &str = "HS256";

/// Who issues tokens and for whom; tokens of other scopes are refused, though their key may be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    /// Claim `iss`.
    pub issuer: &'a str,
    /// Claim `aud`.
    pub audience: &'a str,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The user, in a spelling that requests use too; claim `sub`.
    pub subject: String,
    /// What the user may do; claim `role`.
    pub role: Role,
    /// Seconds since 1970 from which the token is valid; claim `iat`.
    pub issued_at: u64,
    /// Seconds since 1970 up to which it is; claim `exp`.
    pub expires_at: u64,
    /// Name of the token; claim `jti`.
    pub id: String,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No token of ours: its form, key, signature, issuer, audience or claims. One text for all, as a forger would
    /// learn from the difference.
    #[error("is not valid")]
    Invalid,
    /// It was ours. A client that reads this gets a new one.
    #[error("has expired")]
    Expired,
}

#[derive(Deserialize)]
struct Header<'a> {
    alg: Cow<'a, str>,
    #[serde(default)]
    typ: Option<Cow<'a, str>>,
    kid: Cow<'a, str>,
    /// Extensions that must be understood: there are none.
    #[serde(default)]
    crit: Option<serde::de::IgnoredAny>,
}

/// The claims as JSON has them.
#[derive(Serialize, Deserialize)]
struct Payload<'a> {
    iss: Cow<'a, str>,
    aud: Audience<'a>,
    sub: Cow<'a, str>,
    role: Cow<'a, str>,
    iat: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<u64>,
    exp: u64,
    jti: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(Cow<'a, str>),
    Several(Vec<Cow<'a, str>>),
}

impl Audience<'_> {
    fn has(&self, wanted: &str) -> bool {
        match self {
            Audience::One(one) => one == wanted,
            Audience::Several(several) => several.iter().any(|one| one == wanted),
        }
    }
}

/// A token with these claims, by the first key.
///
/// # Errors
/// Where there is no key, or the claims cannot be written.
pub fn sign(keys: &Keys, scope: Scope<'_>, claims: &Claims) -> Result<String, Refused> {
    let key = keys.signing().ok_or(Refused::Invalid)?;
    let payload = serde_json::to_vec(&Payload {
        iss: scope.issuer.into(),
        aud: Audience::One(scope.audience.into()),
        sub: claims.subject.as_str().into(),
        role: claims.role.name().into(),
        iat: claims.issued_at,
        nbf: None,
        exp: claims.expires_at,
        jti: claims.id.as_str().into(),
    });
    let payload = payload.map_err(|_| Refused::Invalid)?;
    let mut token = format!("{}.{}", key.header, URL_SAFE_NO_PAD.encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(key.key.sign(token.as_bytes()));
    token.push('.');
    token.push_str(&signature);
    Ok(token)
}

/// What a token says, if it is valid at `now`, in seconds since 1970. Its claims are read after its signature.
///
/// # Errors
/// Where it is not.
pub fn verify(keys: &Keys, scope: Scope<'_>, token: &[u8], now: u64) -> Result<Claims, Refused> {
    let token = Some(token).filter(|token| token.len() <= TOKEN_BYTES_MAX);
    let token = token.and_then(|token| std::str::from_utf8(token).ok());
    let token = token.ok_or(Refused::Invalid)?;
    let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Invalid)?;
    let (header, payload) = signed.split_once('.').ok_or(Refused::Invalid)?;
    let key = key_of(keys, header).ok_or(Refused::Invalid)?;
    let signature = decoded(signature)?;
    if !key.verifies(signed.as_bytes(), &signature) {
        return Err(Refused::Invalid);
    }
    let payload = decoded(payload)?;
    let payload: Payload = serde_json::from_slice(&payload).map_err(|_| Refused::Invalid)?;
    // The other roles are those of machines, which have no tokens.
    let role = Role::from_name(&payload.role).filter(|role| role.is_of_users());
    let role = role.ok_or(Refused::Invalid)?;
    let is_begun = payload.nbf.unwrap_or(0) <= now.saturating_add(LEEWAY_SECONDS);
    if payload.iss != scope.issuer || !payload.aud.has(scope.audience) || !is_begun {
        return Err(Refused::Invalid);
    }
    if payload.exp.saturating_add(LEEWAY_SECONDS) <= now {
        return Err(Refused::Expired);
    }
    Ok(Claims {
        subject: payload.sub.into_owned(),
        role,
        issued_at: payload.iat,
        expires_at: payload.exp,
        id: payload.jti.into_owned(),
    })
}

/// The key that a header names. Ours are compared as they are written.
fn key_of<'a>(keys: &'a Keys, header: &str) -> Option<&'a Key> {
    if let Some(known) = keys.iter().find(|known| known.header == header) {
        return Some(&known.key);
    }
    let header = URL_SAFE_NO_PAD.decode(header).ok()?;
    let header: Header = serde_json::from_slice(&header).ok()?;
    let is_token = header.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
    if header.alg != ALGORITHM || header.crit.is_some() || !is_token {
        return None;
    }
    let mut known = keys.iter().map(|known| &known.key);
    known.find(|key| key.name() == header.kid)
}

fn decoded(part: &str) -> Result<Vec<u8>, Refused> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Invalid)
}

#[cfg(test)]
mod tests;
