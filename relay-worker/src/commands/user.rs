//! Users by the command line: how the first members of the staff get their accounts, and what operators do with others.

use crate::clients::database::{Address, code};
use crate::config::users::UserCommand;
use anyhow::{Context, bail};
use auth::password;
use contract::api::login;
use contract::now_ms;
use domain::{Rejection, Role};
use sqlx::{Connection, MySqlConnection, Row};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// `ER_DUP_ENTRY`.
const DUPLICATE: u16 = 1062;
/// Bytes of a line with a password.
const LINE_BYTES_MAX: u64 = 1_024;

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
    " WHERE name = ?"
);
const SET_ROLE: &str = concat!(
    "UPDATE t_user SET role = ?, updated_at = ",
    now_ms!(),
    " WHERE name = ?"
);
const DISABLE: &str = concat!(
    "UPDATE t_user SET updated_at = ",
    now_ms!(),
    ", disabled_at = COALESCE(disabled_at, ",
    now_ms!(),
    ") WHERE name = ?"
);
const ENABLE: &str = concat!(
    "UPDATE t_user SET updated_at = ",
    now_ms!(),
    ", disabled_at = NULL WHERE name = ?"
);
const END_SESSIONS: &str =
    "DELETE s FROM t_session s JOIN t_user u ON u.id = s.user_id WHERE u.name = ?";
const LIST: &str = "SELECT u.id, u.name, u.role, u.disabled_at IS NOT NULL, \
     CAST((SELECT COUNT(*) FROM t_session s WHERE s.user_id = u.id) AS SIGNED) FROM t_user u ORDER BY u.id LIMIT ?";

/// Runs a command and gives what to print.
///
/// # Errors
/// Where a name or a password is not acceptable, there is no such user, or the database is away.
pub async fn run(command: UserCommand) -> anyhow::Result<String> {
    match command {
        UserCommand::Add {
            users,
            name,
            role,
            password_file,
            if_absent,
        } => {
            let new = New::read(&name, password_file.as_deref())?;
            add(&users.address()?, &new, role.into(), if_absent).await
        }
        UserCommand::Password {
            users,
            name,
            password_file,
        } => {
            let new = New::read(&name, password_file.as_deref())?;
            let mut session = open(&users.address()?).await?;
            let hash = hashed(&new.password)?;
            let mut change = session.begin().await?;
            let changed = sqlx::query(SET_PASSWORD).bind(hash).bind(&new.name);
            found(
                changed.execute(&mut *change).await?.rows_affected(),
                &new.name,
            )?;
            sqlx::query(END_SESSIONS)
                .bind(&new.name)
                .execute(&mut *change)
                .await?;
            change.commit().await?;
            Ok(format!("{} has another password{}", new.name, new.shown()))
        }
        UserCommand::Role { users, name, role } => {
            let name = checked(&name)?;
            let role = Role::from(role);
            let mut session = open(&users.address()?).await?;
            let changed = sqlx::query(SET_ROLE).bind(role.code()).bind(&name);
            found(changed.execute(&mut session).await?.rows_affected(), &name)?;
            Ok(format!("{name} is {}", role.name()))
        }
        UserCommand::Disable { users, name } => {
            let name = checked(&name)?;
            let mut session = open(&users.address()?).await?;
            let mut change = session.begin().await?;
            let changed = sqlx::query(DISABLE)
                .bind(&name)
                .execute(&mut *change)
                .await?;
            found(changed.rows_affected(), &name)?;
            sqlx::query(END_SESSIONS)
                .bind(&name)
                .execute(&mut *change)
                .await?;
            change.commit().await?;
            Ok(format!("{name} can log in no more"))
        }
        UserCommand::Enable { users, name } => {
            let name = checked(&name)?;
            let mut session = open(&users.address()?).await?;
            let changed = sqlx::query(ENABLE)
                .bind(&name)
                .execute(&mut session)
                .await?;
            found(changed.rows_affected(), &name)?;
            Ok(format!("{name} can log in"))
        }
        UserCommand::List { users, limit } => list(&users.address()?, limit).await,
    }
}

/// A name and the password that it is to have.
struct New {
    name: String,
    password: String,
    is_made: bool,
}

impl New {
    /// The password is the first line of a file, else a new one.
    fn read(name: &str, file: Option<&Path>) -> anyhow::Result<New> {
        let name = checked(name)?;
        let new = match file {
            Some(file) => New {
                name,
                password: first_line(file)?,
                is_made: false,
            },
            None => New {
                name,
                password: made()?,
                is_made: true,
            },
        };
        login::new_password(&new.name, &new.password).map_err(refused)?;
        Ok(new)
    }

    /// A password that nobody else knows is shown this once.
    fn shown(&self) -> String {
        match self.is_made {
            true => format!("; password: {}", self.password),
            false => String::new(),
        }
    }
}

fn checked(name: &str) -> anyhow::Result<String> {
    login::name(Some(name.to_owned())).map_err(refused)
}

fn refused(rejection: Rejection) -> anyhow::Error {
    anyhow::anyhow!("{rejection}")
}

fn first_line(file: &Path) -> anyhow::Result<String> {
    let input: Box<dyn Read> = match file == Path::new("-") {
        true => Box::new(std::io::stdin()),
        false => Box::new(File::open(file).with_context(|| file.display().to_string())?),
    };
    let mut line = String::new();
    let mut input = BufReader::new(input.take(LINE_BYTES_MAX));
    input
        .read_line(&mut line)
        .context("the password cannot be read")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// 128 random bits.
fn made() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).context("no random bytes")?;
    Ok(domain::hex::hex(&bytes))
}

fn hashed(password: &str) -> anyhow::Result<String> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).context("no random bytes")?;
    Ok(password::hash(password, &salt)?)
}

async fn open(users: &Address) -> anyhow::Result<MySqlConnection> {
    let session = MySqlConnection::connect_with(users.options()).await;
    session.with_context(|| users.name.clone())
}

async fn add(users: &Address, new: &New, role: Role, if_absent: bool) -> anyhow::Result<String> {
    let mut session = open(users).await?;
    let hash = hashed(&new.password)?;
    let added = sqlx::query(ADD)
        .bind(&new.name)
        .bind(hash)
        .bind(role.code());
    match added.execute(&mut session).await {
        Ok(_) => Ok(format!(
            "{} is added as {}{}",
            new.name,
            role.name(),
            new.shown()
        )),
        Err(error) if code(&error) == Some(DUPLICATE) && if_absent => {
            Ok(format!("{} was there already", new.name))
        }
        Err(error) if code(&error) == Some(DUPLICATE) => {
            bail!("there is a user {}", new.name)
        }
        Err(error) => Err(error).with_context(|| users.name.clone()),
    }
}

/// The server counts rows that are found, changed or not.
fn found(rows: u64, name: &str) -> anyhow::Result<()> {
    match rows {
        0 => bail!("there is no user {name}"),
        _ => Ok(()),
    }
}

async fn list(users: &Address, limit: u32) -> anyhow::Result<String> {
    let mut session = open(users).await?;
    let rows = sqlx::query(LIST)
        .bind(limit)
        .fetch_all(&mut session)
        .await?;
    let mut table = format!(
        "{:>20}  {:6}  {:8}  {:>8}  name\n",
        "id", "role", "", "sessions"
    );
    for row in &rows {
        let role = Role::from_code(row.try_get(2)?).map_or("?", Role::name);
        let state = match row.try_get::<i64, _>(3)? {
            0 => "",
            _ => "disabled",
        };
        let (id, name): (u64, String) = (row.try_get(0)?, row.try_get(1)?);
        let sessions: i64 = row.try_get(4)?;
        writeln!(
            table,
            "{id:>20}  {role:6}  {state:8}  {sessions:>8}  {name}"
        )?;
    }
    write!(table, "{} users", rows.len())?;
    Ok(table)
}
