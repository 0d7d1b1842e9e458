//! Sessions: what a login begins, and a refresh token keeps. Times are by the clock of their database.

use super::settings::Settings;
use super::users::{self, User};
use auth::{Keys, RefreshToken};
use contract::now_ms;
use domain::limits::{REFRESH_REPEAT_MS, REFRESH_TOKEN_MS, SESSION_MS, SESSIONS_MAX};
use domain::{Ms, Rejection};
use guest::log::{self, Level};
use guest::mysql::{Db, Row, Value};
use guest::{Fault, caller, random};

/// Of a user who may log in at this moment.
const BEGIN: &str = concat!(
    "INSERT INTO t_session (id, user_id, token_hash, rotated_at, expires_at, created_at) SELECT ?, id, ?, ",
    now_ms!(),
    ", ? + ",
    now_ms!(),
    ", ",
    now_ms!(),
    " FROM t_user WHERE id = ? AND disabled_at IS NULL"
);
/// All but those used last, and those that have expired. The inner list is a table of its own, as the server refuses to
/// read what it deletes from.
const PRUNE: &str = concat!(
    "DELETE FROM t_session WHERE user_id = ? AND id NOT IN (SELECT id FROM (SELECT id FROM t_session \
     WHERE user_id = ? AND expires_at > ",
    now_ms!(),
    " ORDER BY rotated_at DESC, id LIMIT ?) AS kept)"
);
const FIND: &str = concat!(
    "SELECT s.user_id, u.role, u.disabled_at IS NOT NULL, s.token_hash, s.rotated_at, s.expires_at, s.created_at, ",
    now_ms!(),
    " FROM t_session s JOIN t_user u ON u.id = s.user_id WHERE s.id = ?"
);
const ROTATE: &str = concat!(
    "UPDATE t_session SET token_hash = ?, rotated_at = ",
    now_ms!(),
    ", expires_at = LEAST(? + ",
    now_ms!(),
    ", ? + created_at) WHERE id = ? AND token_hash = ?"
);
const END: &str = "DELETE FROM t_session WHERE id = ?";

/// Attempts at a rotation that others come before.
const ATTEMPTS_MAX: u32 = 3;

/// The refresh token of a session.
pub struct Tokens {
    /// As clients keep it.
    pub refresh: String,
    /// How long it is valid.
    pub left_ms: Ms,
}

/// A row of a session.
#[derive(Clone, Debug)]
struct Stored {
    user: User,
    is_disabled: bool,
    token_hash: Vec<u8>,
    rotated_at: Ms,
    expires_at: Ms,
    created_at: Ms,
    now: Ms,
}

/// What a refresh token is good for.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// It is the last one: this one follows.
    Rotate(RefreshToken),
    /// It was used just now, and its answer may have been lost: this one followed.
    Repeat(RefreshToken),
    /// It was used before, so two have it.
    Reused,
    /// The session has ended, or its user may no longer log in.
    Over,
}

/// Begins a session of a user.
///
/// # Errors
/// `WrongPassword` where the user may no longer log in; where the database is away.
pub async fn begin(settings: &Settings, user: u64) -> Result<Tokens, Fault> {
    let users = settings.users();
    let token = RefreshToken::first(random::bytes()?, secret()?);
    let values = vec![
        Value::Binary(token.session().to_vec()),
        Value::Binary(token.hash().to_vec()),
        Value::Uint64(REFRESH_TOKEN_MS),
        Value::Uint64(user),
    ];
    if users.update(BEGIN, values).await? != 1 {
        return Err(Rejection::WrongPassword.into());
    }
    prune(users, user).await;
    Ok(Tokens {
        refresh: token.text(),
        left_ms: REFRESH_TOKEN_MS,
    })
}

fn secret() -> Result<[u8; 32], Fault> {
    let mut secret = [0; 32];
    secret[..16].copy_from_slice(&random::bytes()?);
    secret[16..].copy_from_slice(&random::bytes()?);
    Ok(secret)
}

/// Ends what a user has too much. The next login does it where this fails.
async fn prune(users: Db<'_>, user: u64) {
    let values = vec![
        Value::Uint64(user),
        Value::Uint64(user),
        Value::Uint32(SESSIONS_MAX),
    ];
    if let Err(error) = users.execute(PRUNE, values).await {
        let user = user.to_string();
        let fields = [("user_id", user.as_str()), ("error", &error.text)];
        log::write(Level::Warn, "old sessions are kept", &fields);
    }
}

/// The next token of a session, and the user as it is now.
///
/// # Errors
/// `RefreshToken` where the token is of no session, used before, or too old; where the database is away.
pub async fn refresh(
    settings: &Settings,
    token: &str,
    trace_id: &str,
) -> Result<(User, Tokens), Fault> {
    let token = RefreshToken::parse(token).ok_or(Rejection::RefreshToken)?;
    let keys = caller::issuer().await?.keys();
    let users = settings.users();
    for _ in 0..ATTEMPTS_MAX {
        let stored = find(users, &token).await?.ok_or(Rejection::RefreshToken)?;
        match step(&stored, &token, keys) {
            Step::Rotate(next) => {
                if rotate(users, &token, &next).await? {
                    return Ok((stored.user, stored.next(&next)));
                }
            }
            Step::Repeat(next) => return Ok((stored.user, stored.current(&next))),
            Step::Reused => {
                end_session(users, &token).await?;
                let user = stored.user.id.to_string();
                let fields = [("user_id", user.as_str()), ("trace_id", trace_id)];
                log::write(
                    Level::Warn,
                    "a used refresh token came again: its session is ended",
                    &fields,
                );
                return Err(Rejection::RefreshToken.into());
            }
            Step::Over => {
                end_session(users, &token).await?;
                return Err(Rejection::RefreshToken.into());
            }
        }
    }
    Err(Fault::Unavailable {
        backend: "mysql",
        reason: "a session is changed all the time".to_owned(),
    })
}

/// Ends the session of a token; one of no session is no error.
///
/// # Errors
/// Where the database is away.
pub async fn end(settings: &Settings, token: &str) -> Result<(), Fault> {
    match RefreshToken::parse(token) {
        Some(token) => end_session(settings.users(), &token).await,
        None => Ok(()),
    }
}

async fn end_session(users: Db<'_>, token: &RefreshToken) -> Result<(), Fault> {
    let session = Value::Binary(token.session().to_vec());
    Ok(users.execute(END, vec![session]).await?)
}

async fn find(users: Db<'_>, token: &RefreshToken) -> Result<Option<Stored>, Fault> {
    let session = Value::Binary(token.session().to_vec());
    let rows = users.query(FIND, vec![session]).await?;
    rows.first().map(stored).transpose()
}

fn stored(row: &Row) -> Result<Stored, Fault> {
    Ok(Stored {
        user: User {
            id: row.u64(0)?,
            role: users::role(row.u8(1)?)?,
        },
        is_disabled: row.i64(2)? != 0,
        token_hash: row.optional_bytes(3)?.unwrap_or_default(),
        rotated_at: row.u64(4)?,
        expires_at: row.u64(5)?,
        created_at: row.u64(6)?,
        now: row.u64(7)?,
    })
}

/// Stores the next token; false where another came first.
async fn rotate(users: Db<'_>, token: &RefreshToken, next: &RefreshToken) -> Result<bool, Fault> {
    let values = vec![
        Value::Binary(next.hash().to_vec()),
        Value::Uint64(REFRESH_TOKEN_MS),
        Value::Uint64(SESSION_MS),
        Value::Binary(token.session().to_vec()),
        Value::Binary(token.hash().to_vec()),
    ];
    Ok(users.update(ROTATE, values).await? == 1)
}

impl Stored {
    /// The token that follows now.
    fn next(&self, next: &RefreshToken) -> Tokens {
        let ends_at = (self.now + REFRESH_TOKEN_MS).min(self.created_at + SESSION_MS);
        Tokens {
            refresh: next.text(),
            left_ms: ends_at.saturating_sub(self.now),
        }
    }

    /// The token that is stored.
    fn current(&self, token: &RefreshToken) -> Tokens {
        Tokens {
            refresh: token.text(),
            left_ms: self.expires_at.saturating_sub(self.now),
        }
    }
}

fn step(stored: &Stored, token: &RefreshToken, keys: &Keys) -> Step {
    if stored.is_disabled || stored.expires_at <= stored.now {
        return Step::Over;
    }
    let is_stored = |one: &RefreshToken| stored.token_hash == one.hash();
    if is_stored(token) {
        return match token.successors(keys).next() {
            Some(next) => Step::Rotate(next),
            None => Step::Over,
        };
    }
    let is_recent = stored.now.saturating_sub(stored.rotated_at) <= REFRESH_REPEAT_MS;
    let followed = token.successors(keys).find(is_stored);
    match followed.filter(|_| is_recent) {
        Some(followed) => Step::Repeat(followed),
        None => Step::Reused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Role;

    const NOW: Ms = 1_800_000_000_000;

    fn keys(names: &[&str]) -> Keys {
        // 32 bytes as base64url, of one letter each.
        let one = |name: &&str| format!("{name}:{}A", name.repeat(42));
        let list: Vec<String> = names.iter().map(one).collect();
        Keys::parse(&list.join(",")).unwrap()
    }

    fn token() -> RefreshToken {
        RefreshToken::first([1; 16], [2; 32])
    }

    fn stored(token: &RefreshToken) -> Stored {
        Stored {
            user: User {
                id: 10_001,
                role: Role::User,
            },
            is_disabled: false,
            token_hash: token.hash().to_vec(),
            rotated_at: NOW,
            expires_at: NOW + REFRESH_TOKEN_MS,
            created_at: NOW,
            now: NOW,
        }
    }

    fn next(token: &RefreshToken, names: &[&str]) -> RefreshToken {
        token.successors(&keys(names)).next().unwrap()
    }

    #[test]
    fn a_token_is_good_once() {
        let (first, second) = (token(), next(&token(), &["A"]));
        let third = next(&second, &["A"]);
        let keys = keys(&["A"]);
        assert_eq!(
            step(&stored(&first), &first, &keys),
            Step::Rotate(second.clone())
        );
        let after = |ms: Ms, token: &RefreshToken| Stored {
            now: NOW + ms,
            ..stored(token)
        };
        let repeat = |ms, token: &RefreshToken| step(&after(ms, token), &first, &keys);
        assert_eq!(
            repeat(REFRESH_REPEAT_MS, &second),
            Step::Repeat(second.clone())
        );
        assert_eq!(repeat(REFRESH_REPEAT_MS + 1, &second), Step::Reused);
        assert_eq!(
            repeat(0, &third),
            Step::Reused,
            "its successor was used too"
        );
        let foreign = RefreshToken::first([1; 16], [9; 32]);
        assert_eq!(step(&stored(&first), &foreign, &keys), Step::Reused);
    }

    #[test]
    fn a_session_ends() {
        let keys = keys(&["A"]);
        let at = |now: Ms| Stored {
            now,
            ..stored(&token())
        };
        assert!(matches!(
            step(&at(NOW + REFRESH_TOKEN_MS - 1), &token(), &keys),
            Step::Rotate(_)
        ));
        assert_eq!(
            step(&at(NOW + REFRESH_TOKEN_MS), &token(), &keys),
            Step::Over
        );
        let disabled = Stored {
            is_disabled: true,
            ..stored(&token())
        };
        assert_eq!(step(&disabled, &token(), &keys), Step::Over);
        let old = Stored {
            created_at: NOW - SESSION_MS + 60_000,
            ..stored(&token())
        };
        assert_eq!(
            old.next(&token()).left_ms,
            60_000,
            "not beyond the session's end"
        );
        assert_eq!(stored(&token()).next(&token()).left_ms, REFRESH_TOKEN_MS);
    }

    /// The clock of the database went back.
    #[test]
    fn times_do_not_overflow() {
        let back = Stored {
            now: NOW - 3_600_000,
            ..stored(&next(&token(), &["A"]))
        };
        assert!(matches!(
            step(&back, &token(), &keys(&["A"])),
            Step::Repeat(_)
        ));
    }

    #[test]
    fn a_key_is_replaced_between_a_use_and_its_repeat() {
        let second = next(&token(), &["A"]);
        let both = keys(&["B", "A"]);
        assert_eq!(
            step(&stored(&second), &token(), &both),
            Step::Repeat(second)
        );
    }
}
