//! The keys of access tokens and of machines: each has a name, so that one can be replaced while the other is still
//! valid.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Role;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// Bytes of the shortest key: those of the hash (RFC 7518, 3.2).
pub const KEY_BYTES_MIN: usize = 32;
/// More keys of access tokens are a mistake: two are valid while one replaces the other.
pub const KEYS_MAX: usize = 8;
/// More machines have a gateway in front of them.
pub const MACHINES_MAX: usize = 64;
const NAME_CHARS_MAX: usize = 32;
const OF_TOKENS: &str = "NAME:KEY";
const OF_MACHINES: &str = "NAME:ROLE:KEY";

/// A key of HMAC with SHA-256, and its name.
pub struct Key {
    name: String,
    mac: Hmac<Sha256>,
}

impl fmt::Debug for Key {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a key. Never shows a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Without a colon, or with a name that is none.
    #[error("not of the form {0} with a name of 1 to {NAME_CHARS_MAX} letters, digits, - and _")]
    Form(&'static str),
    /// No role that a machine may have.
    #[error("its role is none of admin, ops and provider")]
    Role,
    /// Not base64url without padding.
    #[error("not base64url without padding")]
    Encoding,
    /// Shorter than [`KEY_BYTES_MIN`].
    #[error("has fewer than {KEY_BYTES_MIN} bytes")]
    Short,
    /// Two keys of one name.
    #[error("its name is that of an earlier key")]
    Twice,
}

/// What is wrong with a list of keys. Never shows a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKeys {
    /// An empty list.
    #[error("lists no key")]
    None,
    /// More than this number.
    #[error("lists more than {0} keys")]
    TooMany(usize),
    /// A key, by its number, which counts from 1.
    #[error("key {0}: {1}")]
    Key(usize, BadKey),
}

impl Key {
    /// `name` and the key as base64url without padding; `form` is that of its entry.
    fn new(name: &str, secret: &str, form: &'static str) -> Result<Key, BadKey> {
        let is_char = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !(1..=NAME_CHARS_MAX).contains(&name.len()) || !name.bytes().all(is_char) {
            return Err(BadKey::Form(form));
        }
        let secret = URL_SAFE_NO_PAD.decode(secret);
        let secret = secret.map_err(|_| BadKey::Encoding)?;
        if secret.len() < KEY_BYTES_MIN {
            return Err(BadKey::Short);
        }
        Ok(Key {
            name: name.to_owned(),
            mac: Hmac::new_from_slice(&secret).map_err(|_| BadKey::Short)?,
        })
    }

    /// What a machine keeps: `NAME:KEY`, or `NAME:ROLE:KEY` as the platform has it.
    ///
    /// # Errors
    /// Where it cannot be used.
    pub fn of_machine(text: &str) -> Result<Key, BadKey> {
        let parts: Vec<&str> = text.trim().splitn(3, ':').collect();
        match parts[..] {
            [name, secret] => Key::new(name, secret, OF_TOKENS),
            _ => Machine::parse(text.trim()).map(|machine| machine.key),
        }
    }

    /// Says which key signed.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn sign(&self, text: &[u8]) -> [u8; 32] {
        let mut mac = self.mac.clone();
        mac.update(text);
        mac.finalize().into_bytes().into()
    }

    /// Takes the same time for every wrong signature.
    pub(crate) fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        let mut mac = self.mac.clone();
        mac.update(text);
        mac.verify_slice(signature).is_ok()
    }
}

/// One or several keys of access tokens. The first signs, all verify.
#[derive(Debug)]
pub struct Keys(Vec<TokenKey>);

#[derive(Debug)]
pub(crate) struct TokenKey {
    pub key: Key,
    /// The first part of its tokens.
    pub header: String,
}

impl Keys {
    /// From `NAME:KEY`, comma-separated, each key as base64url without padding.
    ///
    /// # Errors
    /// Where one of them cannot be used.
    pub fn parse(text: &str) -> Result<Keys, BadKeys> {
        let keys = listed(text, KEYS_MAX, TokenKey::parse, |key| &key.key)?;
        match keys.is_empty() {
            true => Err(BadKeys::None),
            false => Ok(Keys(keys)),
        }
    }

    pub(crate) fn signing(&self) -> Option<&TokenKey> {
        self.0.first()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &TokenKey> {
        self.0.iter()
    }
}

impl TokenKey {
    fn parse(entry: &str) -> Result<TokenKey, BadKey> {
        let parts = entry.split_once(':');
        let (name, secret) = parts.ok_or(BadKey::Form(OF_TOKENS))?;
        let key = Key::new(name, secret, OF_TOKENS)?;
        // The name needs no escaping.
        let header = format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{name}"}}"#);
        Ok(TokenKey {
            key,
            header: URL_SAFE_NO_PAD.encode(header),
        })
    }
}

/// A machine that signs its requests.
#[derive(Debug)]
pub struct Machine {
    /// By the name of its key the machine is known.
    pub key: Key,
    /// What it may do.
    pub role: Role,
}

/// The machines that may sign requests; there may be none.
#[derive(Debug, Default)]
pub struct Machines(Vec<Machine>);

impl Machines {
    /// From `NAME:ROLE:KEY`, comma-separated, each key as base64url without padding.
    ///
    /// # Errors
    /// Where one of them cannot be used.
    pub fn parse(text: &str) -> Result<Machines, BadKeys> {
        listed(text, MACHINES_MAX, Machine::parse, |machine| &machine.key).map(Machines)
    }

    /// The machine whose key has this name.
    pub fn named(&self, name: &str) -> Option<&Machine> {
        self.0.iter().find(|machine| machine.key.name == name)
    }
}

impl Machine {
    fn parse(entry: &str) -> Result<Machine, BadKey> {
        let parts: Vec<&str> = entry.splitn(3, ':').collect();
        let [name, role, secret] = parts[..] else {
            return Err(BadKey::Form(OF_MACHINES));
        };
        let role = Role::from_name(role).filter(|role| role.is_of_machines());
        Ok(Machine {
            role: role.ok_or(BadKey::Role)?,
            key: Key::new(name, secret, OF_MACHINES)?,
        })
    }
}

/// The entries of a list of at most `most`, as `parse` reads them.
fn listed<T>(
    text: &str,
    most: usize,
    parse: impl Fn(&str) -> Result<T, BadKey>,
    key: impl Fn(&T) -> &Key,
) -> Result<Vec<T>, BadKeys> {
    let mut all: Vec<T> = Vec::new();
    let entries = text.split(',').map(str::trim);
    for (at, entry) in entries.filter(|entry| !entry.is_empty()).enumerate() {
        if at == most {
            return Err(BadKeys::TooMany(most));
        }
        let bad = |reason| BadKeys::Key(at + 1, reason);
        let entry = parse(entry).map_err(bad)?;
        let mut names = all.iter().map(|known| key(known).name());
        if names.any(|name| name == key(&entry).name()) {
            return Err(bad(BadKey::Twice));
        }
        all.push(entry);
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
