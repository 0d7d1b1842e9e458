//! A private MariaDB, durable at each commit, over TCP with a user and a random password that stays in the server's
//! folder. None of the machine's own configuration is read.

use crate::home::{Home, write_private};
use crate::password::password;
use crate::port::free_port;
use crate::process::{Launch, Process};
use crate::program;
use crate::redis::connect;
use anyhow::{Context, Result, bail, ensure};
use rustix::process::geteuid;
use std::env;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

const USER: &str = "flashorder";

/// A running MariaDB server.
pub struct MariaDb {
    /// To pause, kill or restart it.
    pub process: Process,
    port: u16,
    password: String,
    client_file: PathBuf,
}

impl MariaDb {
    /// Starts one on `port` of 127.0.0.1, or on a free one, with its data in `home`; the first time it creates the data
    /// folder, which takes some seconds.
    ///
    /// # Errors
    /// When MariaDB is not installed, its folder cannot be made, or it does not get ready.
    pub fn start(home: &Home, port: Option<u16>) -> Result<Self> {
        Self::start_in_zone(home, port, None)
    }

    /// The same, in the time zone `zone`: a POSIX `TZ`.
    ///
    /// # Errors
    /// As `start`.
    pub fn start_in_zone(home: &Home, port: Option<u16>, zone: Option<&str>) -> Result<Self> {
        let port = port.map_or_else(free_port, Ok)?;
        let program = program::find("mariadbd")?;
        let dir = home.dir("mariadb")?;
        let password = password(&dir.join("password"))?;
        let data = dir.join("data");
        // A starting server deletes temporary tables, also those of other servers that use /tmp.
        let temporary = home.dir("mariadb/tmp")?;
        if !data.exists() {
            let template = home
                .is_temporary()
                .then(|| template(&program))
                .transpose()?;
            make_data(&data, &temporary, template.as_deref())?;
        }
        let init = dir.join("init.sql");
        write_private(&init, &user_sql(&password))?;
        let client_file = dir.join("client.cnf");
        write_private(&client_file, &client_config(port, &password))?;
        let mut launch = Launch::new(home, "mariadb", program)?;
        if let Some(zone) = zone {
            launch = launch.env("TZ", zone);
        }
        let process = launch
            .args(settings(&data, &init, port, home.is_temporary()))
            .env("TMPDIR", &temporary)
            .ready(Duration::from_secs(60), move || greeting(port))
            .stop_within(Duration::from_secs(60))
            .start()?;
        Ok(Self {
            process,
            port,
            password,
            client_file,
        })
    }

    /// `mysql://USER:PASSWORD@127.0.0.1:PORT/DATABASE`. A secret: not to be printed.
    pub fn url(&self, database: &str) -> String {
        format!(
            "mysql://{USER}:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The file with the `mariadb` client's credentials (`--defaults-file=`); only its owner can read it.
    pub fn client_file(&self) -> &Path {
        &self.client_file
    }

    /// Runs SQL statements through the `mariadb` client; gives its rows, one per line, columns separated by tabs,
    /// without a header.
    ///
    /// # Errors
    /// The server's error.
    pub fn sql(&self, statements: &str) -> Result<String> {
        let output = Command::new(program::find("mariadb")?)
            .arg(defaults_file(&self.client_file))
            .args(["--batch", "--skip-column-names", "--execute", statements])
            .stdin(Stdio::null())
            .output()?;
        let message = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}", message.trim());
        Ok(String::from_utf8(output.stdout)?)
    }
}

fn settings(data: &Path, init: &Path, port: u16, small: bool) -> Vec<String> {
    let pool = if small { "256M" } else { "512M" };
    let mut settings = vec!["--no-defaults".to_owned()];
    settings.extend(as_root());
    settings.extend([
        format!("--datadir={}", data.display()),
        format!("--init-file={}", init.display()),
        format!("--port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        // Relative to the data folder: an absolute path may be too long for a socket.
        "--socket=mariadb.sock".to_owned(),
        "--skip-name-resolve".to_owned(),
        "--skip-log-bin".to_owned(),
        "--innodb-flush-log-at-trx-commit=1".to_owned(),
        format!("--innodb-buffer-pool-size={pool}"),
        "--max-connections=400".to_owned(),
        "--performance-schema=OFF".to_owned(),
        // With a pool, 64 connections cost a fifth less CPU than with a thread for each.
        "--thread-handling=pool-of-threads".to_owned(),
        "--character-set-server=utf8mb4".to_owned(),
    ]);
    settings
}

/// SQL that the server runs at each start, before it accepts connections.
fn user_sql(password: &str) -> String {
    format!(
        "CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{password}';\n\
         ALTER USER '{USER}'@'%' IDENTIFIED BY '{password}';\n\
         GRANT ALL ON *.* TO '{USER}'@'%';\n"
    )
}

fn client_config(port: u16, password: &str) -> String {
    format!(
        "[client]\nprotocol=tcp\nhost=127.0.0.1\nport={port}\nuser={USER}\npassword={password}\n\
         default-character-set=utf8mb4\n"
    )
}

fn defaults_file(path: &Path) -> String {
    format!("--defaults-file={}", path.display())
}

/// The server refuses to run as root without this option; the folder is private to root then.
fn as_root() -> Option<String> {
    geteuid().is_root().then(|| "--user=root".to_owned())
}

/// The template that temporary data folders are copied from: creating one takes seconds of CPU time, and tests need
/// many. One for each user and server binary.
fn template(program: &Path) -> Result<PathBuf> {
    let server = fs::metadata(program)?;
    let version = server.modified()?.duration_since(UNIX_EPOCH)?.as_secs();
    let user = geteuid().as_raw();
    let home = Home::kept(env::temp_dir().join(format!("flashorder-templates-{user}")))?;
    let owner = fs::metadata(home.path())?.uid();
    ensure!(owner == user, "{} is another user's", home.path().display());
    Ok(home.path().join(format!("mariadb-{version}")))
}

/// Creates the system tables, or copies them from the template, next to `data` and moves them there whole, so that an
/// interrupted first start leaves no half data folder. A missing template is created.
fn make_data(data: &Path, temporary: &Path, template: Option<&Path>) -> Result<()> {
    let fresh = data.with_extension("new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    match template {
        Some(template) if template.exists() => copy_dir(template, &fresh)?,
        Some(template) => {
            install_tables(&fresh, temporary)?;
            let begun = template.with_extension(process::id().to_string());
            copy_dir(&fresh, &begun)?;
            // Another process may have created it first.
            if fs::rename(&begun, template).is_err() {
                fs::remove_dir_all(&begun)?;
            }
        }
        None => install_tables(&fresh, temporary)?,
    }
    fs::rename(&fresh, data).context("cannot move the new data folder to its place")
}

fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn install_tables(fresh: &Path, temporary: &Path) -> Result<()> {
    let output = Command::new(program::find("mariadb-install-db")?)
        .arg("--no-defaults")
        .args(as_root())
        .arg(format!("--datadir={}", fresh.display()))
        // Otherwise it looks up the host name, which in a container often has no address.
        .args(["--skip-test-db", "--force"])
        .arg("--auth-root-authentication-method=socket")
        .env("TMPDIR", temporary)
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!(
            "mariadb-install-db failed:\n{}",
            String::from_utf8_lossy(&said).trim()
        );
    }
    Ok(())
}

/// Checks that the server accepts clients: it sends the first packet, with protocol version 10.
fn greeting(port: u16) -> Result<()> {
    const PROTOCOL_VERSION: u8 = 10;
    let mut packet = [0; 5];
    connect(port)?
        .read_exact(&mut packet)
        .context("no greeting yet")?;
    ensure!(
        packet[4] == PROTOCOL_VERSION,
        "the greeting is not a MariaDB server's"
    );
    Ok(())
}
