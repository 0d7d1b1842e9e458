//! Users in their database.

use auth::password;
use contract::api::login::Credentials;
use contract::now_ms;
use domain::{Rejection, Role};
use guest::mysql::{Db, Value, text};
use guest::mysql_error::Kind;
use guest::{Fault, random};

const FIND: &str =
    "SELECT id, role, password_hash, disabled_at IS NOT NULL FROM t_user WHERE name = ?";
const ADD: &str = concat!(
    "INSERT INTO t_user (name, password_hash, role, created_at, updated_at) VALUES (?, ?, ?, ",
    now_ms!(),
    ", ",
    now_ms!(),
    ")"
);
const SET_PASSWORD: &str = concat!(
    "UPDATE t_user SET password_hash = ?, updated_at = ",
    now_ms!(),
    " WHERE id = ? AND password_hash = ?"
);

/// A user, as tokens name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    pub id: u64,
    pub role: Role,
}

/// A row of a user.
pub struct Found {
    pub user: User,
    pub password_hash: String,
    pub is_disabled: bool,
}

/// The user of this name, if there is one.
///
/// # Errors
/// Where the database is away, or the row is none of ours.
pub async fn find(users: Db<'_>, name: &str) -> Result<Option<Found>, Fault> {
    let rows = users.query(FIND, vec![text(name)]).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    Ok(Some(Found {
        user: User {
            id: row.u64(0)?,
            role: role(row.u8(1)?)?,
        },
        password_hash: row.text(2)?,
        is_disabled: row.i64(3)? != 0,
    }))
}

/// The role that is stored as this number.
///
/// # Errors
/// Where there is none that a user may have.
pub fn role(code: u8) -> Result<Role, Fault> {
    let role = Role::from_code(code).filter(|role| role.is_of_users());
    role.ok_or_else(|| Fault::Internal(format!("a user has the role {code}")))
}

/// Adds a shopper.
///
/// # Errors
/// `UserExists`, or where the database is away.
pub async fn add(users: Db<'_>, credentials: &Credentials) -> Result<User, Fault> {
    let values = vec![
        text(&credentials.name),
        text(&hashed(&credentials.password)?),
        Value::Uint8(Role::User.code()),
    ];
    match users.execute(ADD, values).await {
        Ok(()) => {}
        Err(error) if error.kind == Kind::Duplicate => return Err(Rejection::UserExists.into()),
        Err(error) => return Err(error.into()),
    }
    let added = find(users, &credentials.name).await?;
    let added = added.ok_or_else(|| Fault::Internal("a new user is not there".to_owned()))?;
    Ok(added.user)
}

/// Stores the hash of a user's password anew, unless another one was stored meanwhile.
///
/// # Errors
/// Where the database is away.
pub async fn set_password(users: Db<'_>, found: &Found, password: &str) -> Result<(), Fault> {
    let values = vec![
        text(&hashed(password)?),
        Value::Uint64(found.user.id),
        text(&found.password_hash),
    ];
    Ok(users.execute(SET_PASSWORD, values).await?)
}

fn hashed(password: &str) -> Result<String, Fault> {
    let hashed = password::hash(password, &random::bytes()?);
    hashed.map_err(|reason| Fault::Internal(reason.to_string()))
}
