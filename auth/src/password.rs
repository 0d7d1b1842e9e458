//! Passwords as they are stored: hashed with argon2id, the parameters beside the hash (a PHC string), so that stored
//! passwords stay valid when the parameters move.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{CustomizedPasswordHasher, Error, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

/// KiB of memory, passes and lanes of a new hash: what OWASP recommends for a server.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// A stored hash that asks for more is not computed: it is none of ours.
const MEMORY_KIB_MAX: u32 = 64 * 1024;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 4;

/// Checked where there is no such user, so that a caller cannot tell by the time. No password is known for it.
pub const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm8gc3VjaCB1c2VyLi4uLg$\
                          TPsx4gW0sMhZcJ1sJ2o9cfl4bIZMqvQ3Qh0xwA8sS5k";

/// Whether a password is the stored one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not.
    Wrong,
    /// It is.
    Right,
    /// It is, and its hash has other parameters than a new one: it is to be hashed again.
    Old,
}

/// The password cannot be hashed, or the stored text is no hash of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a password that can be hashed, or not a hash of argon2id")]
pub struct Unusable;

/// The text to store for a password. `salt`: random, of this password alone.
///
/// # Errors
/// Where the password cannot be hashed.
pub fn hash(password: &str, salt: &[u8; 16]) -> Result<String, Unusable> {
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params()?);
    let hash: Result<PasswordHash, Error> =
        hasher.hash_password_customized(password.as_bytes(), salt, None, None, params()?);
    hash.map(|hash| hash.to_string()).map_err(|_| Unusable)
}

/// Whether a password is the one whose hash is stored.
///
/// # Errors
/// Where `stored` is no hash of ours.
pub fn verify(password: &str, stored: &str) -> Result<Verdict, Unusable> {
    let hash = PasswordHash::new(stored).map_err(|_| Unusable)?;
    let found = Params::try_from(&hash).map_err(|_| Unusable)?;
    let is_bounded = found.m_cost() <= MEMORY_KIB_MAX
        && found.t_cost() <= PASSES_MAX
        && found.p_cost() <= LANES_MAX;
    if hash.algorithm.as_str() != "argon2id" || !is_bounded {
        return Err(Unusable);
    }
    match Argon2::default().verify_password(password.as_bytes(), &hash) {
        Ok(()) if is_current(&found) => Ok(Verdict::Right),
        Ok(()) => Ok(Verdict::Old),
        Err(Error::PasswordInvalid) => Ok(Verdict::Wrong),
        Err(_) => Err(Unusable),
    }
}

fn params() -> Result<Params, Unusable> {
    Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| Unusable)
}

fn is_current(found: &Params) -> bool {
    (found.m_cost(), found.t_cost(), found.p_cost()) == (MEMORY_KIB, PASSES, LANES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash() {
        let stored = hash("correct horse", &[7; 16]).unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        assert!(stored.len() <= 255 && !stored.contains("horse"), "{stored}");
        assert_eq!(verify("correct horse", &stored), Ok(Verdict::Right));
        for wrong in ["", "correct hors", "Correct horse", "correct horse "] {
            assert_eq!(verify(wrong, &stored), Ok(Verdict::Wrong), "{wrong}");
        }
        let other = hash("correct horse", &[8; 16]).unwrap();
        assert_ne!(stored, other, "each has its own salt");
    }

    /// Made by the reference implementation (`argon2 somesalt -id -t 2 -m 16 -p 1`, its test vectors).
    #[test]
    fn another_programs_hash() {
        let stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$\
                      CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert_eq!(verify("password", stored), Ok(Verdict::Old));
        assert_eq!(verify("passwore", stored), Ok(Verdict::Wrong));
    }

    #[test]
    fn what_is_no_hash_of_ours() {
        let stored = hash("correct horse", &[7; 16]).unwrap();
        for wrong in [
            "",
            "plain",
            &stored.replace("argon2id", "argon2i"),
            &stored.replace("argon2id", "scrypt"),
            &stored.replace("m=19456", "m=1048576"),
            &stored.replace("t=2", "t=1000"),
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ",
        ] {
            let read = verify("correct horse", wrong);
            assert!(
                read != Ok(Verdict::Right) && read != Ok(Verdict::Old),
                "{wrong}: {read:?}"
            );
        }
        assert_eq!(verify("", NOBODY), Ok(Verdict::Wrong), "it is computed");
    }
}
