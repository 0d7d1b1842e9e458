//! The sample users of a platform: an administrator, an operator and a shopper. Their passwords are random, printed
//! once, and kept in `.run/users/` for the lines that log in.

use super::catalogue::Header;
use super::platform::Mode;
use crate::checkout::{Checkout, Workspace};
use crate::console;
use crate::relay;
use crate::urls::Urls;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Names and roles.
const SAMPLES: [(&str, &str); 3] = [("admin", "admin"), ("ops", "ops"), ("alice", "user")];
/// Below the folder of a run.
const FOLDER: &str = "users";
const WITHIN: Duration = Duration::from_secs(10);

/// The sample users; none where there is no user database.
pub struct Users {
    folder: PathBuf,
    /// Whose password was made in this run.
    made: Vec<(&'static str, String)>,
    are_there: bool,
}

/// Adds those that are missing.
///
/// # Errors
/// When a password cannot be kept, or the relay fails.
pub fn add(checkout: &Checkout, workspace: &Workspace, urls: &Urls) -> Result<Users> {
    let mut users = Users {
        folder: checkout.run_dir().join(FOLDER),
        made: Vec::new(),
        are_there: !urls.users.is_empty(),
    };
    if !users.are_there {
        return Ok(users);
    }
    console::step("sample users", |_| {
        stack::private_folder(&users.folder)?;
        for (name, role) in SAMPLES {
            let file = users.folder.join(name);
            let is_new = !file.exists();
            let password = stack::password(&file)?;
            relay::add_user(workspace, urls, name, role, &file)?;
            if is_new {
                users.made.push((name, password));
            }
        }
        Ok(())
    })?;
    Ok(users)
}

impl Users {
    /// The header that a request of the back office needs; `None` where the sample administrator has another password,
    /// as in somebody's own database.
    ///
    /// # Errors
    /// When the API does not answer, or refuses for another reason.
    pub fn admin(&self, api: SocketAddr, mode: Mode) -> Result<Option<Header>> {
        if mode == Mode::Compat {
            return Ok(Some(("x-flashorder-role", "admin".to_owned())));
        }
        let password = stack::password(&self.folder.join("admin"))?;
        let mut response = ureq::post(format!("http://{api}/v1/auth/login"))
            .config()
            .timeout_global(Some(WITHIN))
            .http_status_as_error(false)
            .build()
            .send_json(json!({"username": "admin", "password": password}))
            .context("the API lets nobody log in")?;
        let status = response.status().as_u16();
        let body: Value = response.body_mut().read_json().unwrap_or_default();
        match (status, body["access_token"].as_str()) {
            (200, Some(token)) => Ok(Some(("authorization", format!("Bearer {token}")))),
            (401, _) => Ok(None),
            _ => bail!("logging in is refused with {status}: {}", body["message"]),
        }
    }

    /// Prints who may log in; passwords that were made in this run are shown this once.
    pub fn print(&self, mode: Mode) {
        if mode == Mode::Compat {
            console::warning(
                "\nMode compat: the user that a request names is trusted, and whoever reaches these ports is the \
                 administrator.\nFor this machine only.",
            );
        }
        if !self.are_there {
            return;
        }
        let names: Vec<&str> = SAMPLES.iter().map(|(name, _)| *name).collect();
        let folder = Path::new(".run").join(FOLDER);
        console::line(format_args!(
            "  {:22} {} (passwords: {}/NAME)",
            "users",
            names.join(", "),
            folder.display()
        ));
        for (name, password) in &self.made {
            console::line(format_args!("  {:22} {name}  {password}", ""));
        }
    }
}

/// Lines that log in, order, pay and read.
pub fn lines(api: &str) -> Vec<String> {
    const JSON: &str = "-H 'Content-Type: application/json'";
    const ALICE: &str = r#"-H "Authorization: Bearer $ALICE""#;
    const SAMPLE: &str = r#""{\"username\":\"$1\",\"password\":\"$(cat .run/users/$1)\"}""#;
    const PICK: &str = r#"sed 's/.*"access_token":"\([^"]*\)".*/\1/'"#;
    const ORDER: &str = r#"'{"items":[{"product_id":1,"quantity":2}]}'"#;
    vec![
        format!("curl -s {api}/api/v1/products"),
        format!("login() {{ curl -s {api}/v1/auth/login {JSON} -d {SAMPLE} | {PICK}; }}"),
        "ALICE=$(login alice)".to_owned(),
        format!("curl -s {api}/v1/order/create {ALICE} {JSON} -d {ORDER}"),
        format!("curl -s -X POST {api}/v1/order/ORDER_ID/pay {ALICE}"),
        format!("curl -s {api}/v1/order/list {ALICE}"),
    ]
}
