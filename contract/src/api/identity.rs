//! Ids on the wire: numbers or strings in, strings out; users in any spelling; hashes of keys and payloads.

use domain::id::HASHED_USER_BIT;
use domain::limits::USER_REF_CHARS_MAX;
use domain::{User, UserId};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use sha2::{Digest, Sha256};
use std::fmt;

/// A number or a string, as text: `7`, `"7"` and `"user_7"` are all accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdText(pub String);

impl IdText {
    /// Its value, where it is all digits and fits 64 bits.
    pub fn number(&self) -> Option<u64> {
        let digits = !self.0.is_empty() && self.0.bytes().all(|b| b.is_ascii_digit());
        if digits { self.0.parse().ok() } else { None }
    }
}

impl<'de> Deserialize<'de> for IdText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<IdText, D::Error> {
        struct AnyId;
        impl Visitor<'_> for AnyId {
            type Value = IdText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id as a number or a string")
            }
            fn visit_u64<E: de::Error>(self, id: u64) -> Result<IdText, E> {
                Ok(IdText(id.to_string()))
            }
            fn visit_str<E: de::Error>(self, id: &str) -> Result<IdText, E> {
                Ok(IdText(id.to_owned()))
            }
        }
        deserializer.deserialize_any(AnyId)
    }
}

/// A user by any spelling: digits are the id itself, and so is `user_<digits>`; any other text is hashed to an id above
/// 2^62. The spelling is kept where it is not the plain number.
///
/// # Errors
/// What is wrong: the length, a control character, or a number out of range.
pub fn user(text: &str) -> Result<User, String> {
    if text.is_empty() || text.chars().count() > USER_REF_CHARS_MAX {
        return Err(format!("must have 1 to {USER_REF_CHARS_MAX} characters"));
    }
    if text.chars().any(char::is_control) {
        return Err("must not have control characters".to_owned());
    }
    if looks_like_another(text) {
        return Err(
            "must be a number or `user_` and a number, or be another kind of name".to_owned(),
        );
    }
    let numeric = |digits: &str| {
        IdText(digits.to_owned())
            .number()
            .filter(|id| (1..HASHED_USER_BIT).contains(id))
    };
    if text.bytes().all(|b| b.is_ascii_digit()) {
        let id = numeric(text).ok_or("must be a number from 1 to 4611686018427387903")?;
        return Ok(User {
            id: UserId::new(id),
            reference: (id.to_string() != text).then(|| text.to_owned()),
        });
    }
    let id = match text.strip_prefix("user_").and_then(numeric) {
        Some(id) => id,
        None => {
            let digest = Sha256::digest(text.as_bytes());
            let mut head = [0u8; 8];
            head.copy_from_slice(&digest[..8]);
            (u64::from_be_bytes(head) >> 2) | HASHED_USER_BIT
        }
    };
    Ok(User {
        id: UserId::new(id),
        reference: Some(text.to_owned()),
    })
}

/// Whether people would read a number where the text, being no number, would be hashed to another user: ` 7`, `+7`,
/// `７`, `User_7`.
fn looks_like_another(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.chars().all(char::is_numeric);
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let signed = text.strip_prefix(['+', '-']).is_some_and(is_number);
    let capital = text
        .get(..5)
        .zip(text.get(5..))
        .is_some_and(|(prefix, rest)| {
            let is_prefix = prefix.eq_ignore_ascii_case("user_");
            is_prefix && is_number(rest) && (prefix != "user_" || !is_digits(rest))
        });
    text.trim() != text || signed || capital || (is_number(text) && !is_digits(text))
}

/// First 16 bytes of SHA-256 over parts, each preceded by its length so that parts cannot run together.
pub fn hash(parts: &[&[u8]]) -> [u8; 16] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let mut head = [0u8; 16];
    head.copy_from_slice(&digest.finalize()[..16]);
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_in_every_spelling() {
        let plain = user("123").unwrap();
        assert_eq!((plain.id.get(), plain.shown()), (123, "123".into()));
        let prefixed = user("user_123").unwrap();
        assert_eq!(
            (prefixed.id.get(), prefixed.shown()),
            (123, "user_123".into())
        );
        let named = user("alice").unwrap();
        // Computed by another program: stored orders belong to this id.
        assert_eq!(named.id.get(), 5_401_506_668_699_942_955);
        assert!(named.id.get() & HASHED_USER_BIT != 0 && named.id.get() >> 63 == 0);
        assert_eq!(named.shown(), "alice");
        assert_ne!(named.id, user("alicf").unwrap().id);
        for other in ["User_x", "user_x", "+x", "User7", "7a"] {
            assert!(
                user(other).unwrap().id.get() & HASHED_USER_BIT != 0,
                "{other}"
            );
        }
        for bad in [
            "",
            "0",
            "4611686018427387904",
            "99999999999999999999",
            "a\nb",
            " 7",
            "7 ",
            "\u{a0}alice",
            "+7",
            "-7",
            "７",
            "User_7",
            "USER_7",
            "user_７",
            &"x".repeat(65),
        ] {
            assert!(user(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
    }
}
