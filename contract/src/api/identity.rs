//! Ids on the wire: numbers or strings in, strings out; users in any spelling; hashes of keys and payloads.

use crate::api::whole;
use domain::id::HASHED_USER_BIT;
use domain::limits::USER_REF_CHARS_MAX;
use domain::{User, UserId};
use serde::de::{self, Deserialize, Deserializer, Unexpected, Visitor};
use sha2::{Digest, Sha256};
use std::fmt;

/// A number or a string, as text: `7`, `7.0`, `"7"` and `"user_7"` are all accepted.
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
                f.write_str("an id as a whole number or a string")
            }
            fn visit_u64<E: de::Error>(self, id: u64) -> Result<IdText, E> {
                Ok(IdText(id.to_string()))
            }
            fn visit_f64<E: de::Error>(self, id: f64) -> Result<IdText, E> {
                let whole = whole::of_double(id).filter(|id| *id >= 0);
                let whole = whole.ok_or_else(|| E::invalid_value(Unexpected::Float(id), &self))?;
                Ok(IdText(whole.to_string()))
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
/// What is wrong: the length, a control character, space around it, a number out of range or spelled in a way that is
/// nobody's id: `+7`, `7.0` and `User_7` would otherwise be users of their own.
pub fn user(text: &str) -> Result<User, String> {
    if text.is_empty() || text.chars().count() > USER_REF_CHARS_MAX {
        return Err(format!("must have 1 to {USER_REF_CHARS_MAX} characters"));
    }
    if text
        .chars()
        .any(|char| char.is_control() || is_invisible(char))
    {
        return Err("must not have control or invisible characters".to_owned());
    }
    if text.trim() != text {
        return Err("must not begin or end with space".to_owned());
    }
    if is_misspelt_number(text) {
        return Err("must be digits, `user_` and digits, or a name that is no number".to_owned());
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
    let digits = text.strip_prefix("user_");
    let digits = digits.filter(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    let id = match digits {
        Some(digits) => {
            numeric(digits).ok_or("must be `user_` and a number from 1 to 4611686018427387903")?
        }
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

/// Whether a character has no shape of its own: with one, a name would look like another's. Unicode's category Cf.
fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{ad}'
            | '\u{600}'..='\u{605}'
            | '\u{61c}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{890}'..='\u{891}'
            | '\u{8e2}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{110bd}'
            | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether a text stands for a number to its reader, and for none to [`user`].
fn is_misspelt_number(text: &str) -> bool {
    let prefix = text
        .get(..5)
        .filter(|prefix| prefix.eq_ignore_ascii_case("user_"));
    let rest = &text[prefix.map_or(0, str::len)..];
    let number = rest.trim();
    let is_digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let is_number = is_digits
        || !number.is_empty() && number.chars().all(char::is_numeric)
        || number.bytes().any(|b| b.is_ascii_digit()) && number.parse::<f64>().is_ok();
    let is_ours = is_digits && number == rest && prefix.is_none_or(|prefix| prefix == "user_");
    is_number && !is_ours
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
        for name in [
            "user_", "user_x7", "User_x", "u7", "7up", "infinity", "nan", "üser_7", "a b",
        ] {
            let user = user(name).unwrap();
            assert_eq!(user.shown(), name);
            assert!(user.id.get() & HASHED_USER_BIT != 0, "{name}");
        }
        assert_eq!(user("user_007").unwrap().id, user("7").unwrap().id);
        for bad in [
            "",
            "0",
            "4611686018427387904",
            "99999999999999999999",
            "a\nb",
            " 7",
            "7 ",
            "+7",
            "-7",
            "7.0",
            "7e0",
            "User_7",
            "USER_7",
            "user_ 7",
            "user_+7",
            "user_7.0",
            "７",
            "user_７",
            "user_0",
            "user_4611686018427387904",
            "user_18446744073709551616",
            "7\u{200b}",
            "\u{feff}7",
            "\u{202e}7",
            "al\u{ad}ice",
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
