//! The user database and the commands about users. No password is an argument: others on the machine can read those.

use crate::clients::database::Address;
use anyhow::{anyhow, bail};
use clap::{Args, Subcommand, ValueEnum};
use domain::Role;
use std::path::PathBuf;

/// Where the user database is, as text; see [`UsersArgs::address`].
#[derive(Debug, Args)]
pub struct UsersArgs {
    /// User database: mysql://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, env = "USERS_URL", hide_env_values = true, default_value = "")]
    users_url: String,
}

/// The commands of `user`.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a user; without --password-file a password is made and printed
    Add {
        /// The user database.
        #[command(flatten)]
        users: UsersArgs,
        /// To log in with: letters, digits and . _ @ + -, compared without case
        name: String,
        /// What the user may do
        #[arg(long, value_enum, default_value_t = RoleName::User)]
        role: RoleName,
        /// File whose first line is the password; -: standard input
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// Leave a user of this name as it is
        #[arg(long)]
        if_absent: bool,
    },
    /// Give a user another password and end its sessions; without --password-file one is made and printed
    Password {
        /// The user database.
        #[command(flatten)]
        users: UsersArgs,
        /// As it logs in
        name: String,
        /// File whose first line is the password; -: standard input
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Change what a user may do, from its next access token on
    Role {
        /// The user database.
        #[command(flatten)]
        users: UsersArgs,
        /// As it logs in
        name: String,
        /// What the user may do
        #[arg(value_enum)]
        role: RoleName,
    },
    /// Let a user log in no more, and end its sessions; its access token stays valid until it expires
    Disable {
        /// The user database.
        #[command(flatten)]
        users: UsersArgs,
        /// As it logs in
        name: String,
    },
    /// Let a user log in again
    Enable {
        /// The user database.
        #[command(flatten)]
        users: UsersArgs,
        /// As it logs in
        name: String,
    },
    /// Show users, in the order in which they came
    List {
        /// The user database.
        #[command(flatten)]
        users: UsersArgs,
        /// Users, at most
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
}

/// A role on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    /// A shopper
    User,
    /// The back office
    Admin,
    /// Operators
    Ops,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Role {
        match name {
            RoleName::User => Role::User,
            RoleName::Admin => Role::Admin,
            RoleName::Ops => Role::Ops,
        }
    }
}

impl UsersArgs {
    /// Reads and checks `USERS_URL`; `None` where it is empty.
    ///
    /// # Errors
    /// One line naming the variable.
    pub fn optional(&self) -> anyhow::Result<Option<Address>> {
        let url = self.users_url.trim();
        if url.is_empty() {
            return Ok(None);
        }
        let address = Address::parse(url).map_err(|reason| anyhow!("USERS_URL {reason}"))?;
        Ok(Some(address))
    }

    /// Reads and checks `USERS_URL`.
    ///
    /// # Errors
    /// One line naming the variable.
    pub fn address(&self) -> anyhow::Result<Address> {
        match self.optional()? {
            Some(address) => Ok(address),
            None => bail!("USERS_URL must be set"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_variable_and_no_secret() {
        let of = |url: &str| UsersArgs {
            users_url: url.to_owned(),
        };
        assert!(of(" ").optional().unwrap().is_none());
        assert!(of("mysql://u:s3cret@h/users").address().is_ok());
        for wrong in ["", "s3cret", "mysql://u:s3cret@h"] {
            let error = of(wrong).address().unwrap_err().to_string();
            assert!(
                error.starts_with("USERS_URL") && !error.contains("s3cret"),
                "{error}"
            );
        }
    }
}
