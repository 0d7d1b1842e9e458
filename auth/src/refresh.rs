//! Refresh tokens, for which a new access token is given. Each belongs to a session, is stored as a hash, and is valid
//! once: using it makes its successor. The successor follows from the token and a key, so that a repeat whose answer
//! was lost gets the same one, while nobody can compute it from what is stored.

use crate::keys::Keys;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::fmt;

const SESSION_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;
/// Characters of every refresh token.
pub const CHARS: usize = (SESSION_BYTES + SECRET_BYTES) * 4 / 3;
/// Before what is signed: an access token begins otherwise.
const LABEL: &[u8] = b"\0refresh";

/// A refresh token: the name of a session and a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    session: [u8; SESSION_BYTES],
    secret: [u8; SECRET_BYTES],
}

impl fmt::Debug for RefreshToken {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshToken").finish_non_exhaustive()
    }
}

impl RefreshToken {
    /// The first token of a session. Both are random.
    pub fn first(session: [u8; SESSION_BYTES], secret: [u8; SECRET_BYTES]) -> RefreshToken {
        RefreshToken { session, secret }
    }

    /// Reads what [`text`](Self::text) gives; `None` for anything else.
    pub fn parse(text: &str) -> Option<RefreshToken> {
        if text.len() != CHARS {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (session, secret) = bytes.split_first_chunk()?;
        Some(RefreshToken {
            session: *session,
            secret: secret.try_into().ok()?,
        })
    }

    /// As clients keep it and send it back.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode([&self.session[..], &self.secret[..]].concat())
    }

    /// The name of its session, which all its successors share.
    pub fn session(&self) -> [u8; SESSION_BYTES] {
        self.session
    }

    /// What is stored of it.
    pub fn hash(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.session);
        digest.update(self.secret);
        digest.finalize().into()
    }

    /// The tokens that may follow it, by each key; the first is the one to store. Several only while a key is replaced.
    pub fn successors(&self, keys: &Keys) -> impl Iterator<Item = RefreshToken> {
        keys.iter().map(|known| RefreshToken {
            session: self.session,
            secret: known
                .key
                .sign(&[LABEL, &self.session, &self.secret].concat()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> Keys {
        let one =
            |name: &&str| format!("{name}:{}", URL_SAFE_NO_PAD.encode(format!("{name:-<32}")));
        let list: Vec<String> = names.iter().map(one).collect();
        Keys::parse(&list.join(",")).unwrap()
    }

    fn token() -> RefreshToken {
        RefreshToken::first([1; 16], [2; 32])
    }

    #[test]
    fn texts_read_back() {
        let text = token().text();
        assert_eq!(text.len(), CHARS);
        assert_eq!(RefreshToken::parse(&text), Some(token()));
        for other in [
            "",
            &text[1..],
            &format!("{text}A"),
            &text.replace('A', "="),
            &"é".repeat(32),
        ] {
            assert_eq!(RefreshToken::parse(other), None, "{other}");
        }
        assert_eq!(format!("{:?}", token()), "RefreshToken { .. }");
    }

    #[test]
    fn a_successor_is_of_the_same_session_and_follows_from_token_and_key() {
        let next = |names: &[&str], token: &RefreshToken| -> Vec<RefreshToken> {
            token.successors(&keys(names)).collect()
        };
        let [first] = &next(&["a"], &token())[..] else {
            panic!("one key, one successor")
        };
        assert_eq!(
            next(&["a"], &token()),
            std::slice::from_ref(first),
            "a repeat gets the same"
        );
        assert_eq!(first.session(), token().session());
        assert_ne!(first.hash(), token().hash());
        assert_ne!(next(&["a"], first)[0], *first);
        let both = next(&["b", "a"], &token());
        assert!(both.len() == 2 && both[0] != *first && both[1] == *first);
        let elsewhere = RefreshToken::first([9; 16], [2; 32]);
        assert_ne!(next(&["a"], &elsewhere)[0].hash(), first.hash());
    }
}
