//! The relay's commands `migrate` and `reconcile`, on the databases of a running `up`, on those named by the
//! environment, or on this checkout's own, started for this command.

use crate::build;
use crate::checkout::{Checkout, QUICK, Workspace};
use crate::console;
use crate::lock::Lock;
use crate::servers::Servers;
use crate::tools;
use crate::urls::Urls;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::{Command, ExitCode};

/// Runs `relay-worker VERB` and ends with its exit code.
///
/// # Errors
/// When it cannot be built or run, or there are no databases.
pub fn run(checkout: &Checkout, verb: &str) -> Result<ExitCode> {
    tools::for_building(checkout)?;
    build::programs(checkout, QUICK, &[])?;
    let workspace = checkout.workspace()?;
    let given = Urls::from_env()?;
    if given.has_databases() {
        return attach(&workspace, &given, verb);
    }
    match Lock::try_take(checkout)? {
        Err(_running) => attach(&workspace, &Urls::load(&checkout.run_dir())?, verb),
        Ok(_lock) => {
            let servers = Servers::start(&checkout.run_dir(), given, false)?;
            let code = attach(&workspace, &servers.urls, verb);
            servers.processes().try_for_each(stack::Process::stop)?;
            code
        }
    }
}

/// Applies the migrations.
///
/// # Errors
/// When the relay fails; its output is in the error.
pub fn migrate(workspace: &Workspace, urls: &Urls) -> Result<()> {
    quietly(workspace, urls, "migrate", "migrations")
}

/// Indexes all orders: this Elasticsearch has none of the orders of earlier runs.
///
/// # Errors
/// When the relay fails; its output is in the error.
pub fn reindex(workspace: &Workspace, urls: &Urls) -> Result<()> {
    quietly(workspace, urls, "reindex", "search index")
}

/// Adds a user, whose password is the first line of a file; one of this name is left as it is.
///
/// # Errors
/// When the relay fails; its output is in the error.
pub fn add_user(
    workspace: &Workspace,
    urls: &Urls,
    name: &str,
    role: &str,
    password: &Path,
) -> Result<()> {
    let mut command = command(workspace, urls, "user");
    command.args(["add", name, "--role", role, "--if-absent"]);
    command.arg("--password-file").arg(password);
    succeeded(&mut command)
}

fn quietly(workspace: &Workspace, urls: &Urls, verb: &str, name: &str) -> Result<()> {
    console::step(name, |_| succeeded(&mut command(workspace, urls, verb)))
}

fn succeeded(command: &mut Command) -> Result<()> {
    let output = command.output().context("cannot run relay-worker")?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let verb = command
        .get_args()
        .next()
        .unwrap_or_default()
        .to_string_lossy();
    ensure!(
        output.status.success(),
        "relay-worker {verb} failed:\n{}",
        said.trim()
    );
    Ok(())
}

fn attach(workspace: &Workspace, urls: &Urls, verb: &str) -> Result<ExitCode> {
    let status = command(workspace, urls, verb)
        .status()
        .context("cannot run relay-worker")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn command(workspace: &Workspace, urls: &Urls, verb: &str) -> Command {
    let mut command = Command::new(workspace.program("relay-worker"));
    command.arg(verb).envs(urls.for_relay());
    command
}
