//! The keys of access tokens: each has a name, so that one can be replaced while tokens of the other are still valid.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// Bytes of the shortest key: those of the hash (RFC 7518, 3.2).
pub const KEY_BYTES_MIN: usize = 32;
/// More are a mistake: two are valid while one replaces the other.
pub const KEYS_MAX: usize = 8;
const NAME_CHARS_MAX: usize = 32;

/// One or several keys. The first signs, all verify.
#[derive(Debug)]
pub struct Keys(Vec<Key>);

/// A key of HMAC with SHA-256.
pub(crate) struct Key {
    /// Header `kid` of its tokens.
    pub name: String,
    /// The first part of its tokens.
    pub header: String,
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

/// What is wrong with a list of keys. Never shows a part of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKeys {
    /// An empty list.
    #[error("lists no key")]
    None,
    /// More than [`KEYS_MAX`].
    #[error("lists more than {KEYS_MAX} keys")]
    TooMany,
    /// Without a colon, or with a name that is none.
    #[error("key {0}: not of the form NAME:KEY with a name of 1 to 32 letters, digits, - and _")]
    Form(usize),
    /// Not base64url without padding.
    #[error("key {0}: not base64url without padding")]
    Encoding(usize),
    /// Shorter than [`KEY_BYTES_MIN`].
    #[error("key {0}: has fewer than {KEY_BYTES_MIN} bytes")]
    Short(usize),
    /// Two keys of one name.
    #[error("key {0}: its name is that of an earlier key")]
    Twice(usize),
}

impl Keys {
    /// From `NAME:KEY`, comma-separated, each key as base64url without padding. The numbers in errors count from 1.
    ///
    /// # Errors
    /// Where one of them cannot be used.
    pub fn parse(text: &str) -> Result<Keys, BadKeys> {
        let mut keys: Vec<Key> = Vec::new();
        let entries = text.split(',').map(str::trim);
        for (at, entry) in entries.filter(|entry| !entry.is_empty()).enumerate() {
            let number = at + 1;
            if at == KEYS_MAX {
                return Err(BadKeys::TooMany);
            }
            let (name, secret) = entry.split_once(':').ok_or(BadKeys::Form(number))?;
            if !is_name(name) {
                return Err(BadKeys::Form(number));
            }
            if keys.iter().any(|key| key.name == name) {
                return Err(BadKeys::Twice(number));
            }
            let secret = URL_SAFE_NO_PAD
                .decode(secret)
                .map_err(|_| BadKeys::Encoding(number))?;
            if secret.len() < KEY_BYTES_MIN {
                return Err(BadKeys::Short(number));
            }
            keys.push(Key::new(name, &secret).ok_or(BadKeys::Short(number))?);
        }
        match keys.is_empty() {
            true => Err(BadKeys::None),
            false => Ok(Keys(keys)),
        }
    }

    pub(crate) fn signing(&self) -> Option<&Key> {
        self.0.first()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }
}

fn is_name(text: &str) -> bool {
    let is_char = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=NAME_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_char)
}

impl Key {
    fn new(name: &str, secret: &[u8]) -> Option<Key> {
        // The name needs no escaping.
        let header = format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{name}"}}"#);
        Some(Key {
            name: name.to_owned(),
            header: URL_SAFE_NO_PAD.encode(header),
            mac: Hmac::new_from_slice(secret).ok()?,
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_keys() {
        let key = URL_SAFE_NO_PAD.encode([7; 32]);
        let short = URL_SAFE_NO_PAD.encode([7; 31]);
        let names = |text: &str| -> Result<Vec<String>, BadKeys> {
            let keys = Keys::parse(text)?;
            assert!(!format!("{keys:?}").contains(&key), "{keys:?}");
            Ok(keys.iter().map(|key| key.name.clone()).collect())
        };
        assert_eq!(names(&format!("a:{key}")).unwrap(), ["a"]);
        let two = format!(" 2026-11:{key} , b_1:{key},");
        assert_eq!(names(&two).unwrap(), ["2026-11", "b_1"]);
        let many: Vec<String> = (0..9).map(|at| format!("k{at}:{key}")).collect();
        for (wrong, error) in [
            (String::new(), BadKeys::None),
            (" , ".to_owned(), BadKeys::None),
            (key.clone(), BadKeys::Form(1)),
            (format!(":{key}"), BadKeys::Form(1)),
            (format!("a:{key},b c:{key}"), BadKeys::Form(2)),
            (format!("{}:{key}", "n".repeat(33)), BadKeys::Form(1)),
            (format!("a:{key},a:{key}"), BadKeys::Twice(2)),
            (format!("a:{key}="), BadKeys::Encoding(1)),
            ("a:not/base64+url".to_owned(), BadKeys::Encoding(1)),
            (format!("a:{key},b:{short}"), BadKeys::Short(2)),
            (many.join(","), BadKeys::TooMany),
        ] {
            assert_eq!(names(&wrong), Err(error.clone()), "{error}");
            assert!(!error.to_string().contains(&key));
        }
    }
}
