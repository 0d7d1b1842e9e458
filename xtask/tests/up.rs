//! `cargo xtask up` for a newcomer: in a copy without `.run/` and `target/`, the README's commands are run as written;
//! then the platform is stopped and started again. Everything is compiled in a separate target folder, because the
//! copy's crates would otherwise replace this checkout's.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use stack::{Home, Launch, Process, free_port};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// Includes a cold build on a slow machine.
const READY_WITHIN: Duration = Duration::from_secs(25 * 60);
const STOPPED_WITHIN: Duration = Duration::from_secs(60);
const WRITTEN_WITHIN: Duration = Duration::from_secs(20);
const LAST_LINE: &str = "Ctrl-C stops everything.";

/// A document and a heading of it.
type Section = (&'static str, &'static str);
const TRY_IT: Section = ("README.md", "## Try it");
const FLASH_SALE: Section = ("docs/users.md", "## A flash sale");

struct Newcomer {
    /// Deleted with the test; processes in it are stopped as a person would stop them, not killed.
    _temporary: Home,
    home: Home,
    copy: PathBuf,
    /// Of the API (two), the host's metrics and the relay's metrics.
    ports: [u16; 5],
}

#[test]
fn on_a_copy_as_the_readme_says() -> Result<()> {
    let newcomer = Newcomer::arrive()?;
    let up = newcomer.up("first")?;
    let said = fs::read_to_string(up.log())?;
    let lines = newcomer.lines(TRY_IT)?;
    for line in &lines {
        ensure!(said.contains(line.as_str()), "up does not print {line}");
    }
    let [products, created, list] = &lines[..] else {
        anyhow::bail!("the README has {} curl lines", lines.len());
    };
    let products = newcomer.shell(products)?;
    ensure!(products["products"][0]["stock"].is_number(), "{products}");
    let order = newcomer.shell(created)?;
    let shown = newcomer.answers(TRY_IT)?;
    same_keys(shown.first().context("the README shows no answer")?, &order)?;
    for key in ["code", "actual_amount", "status"] {
        ensure!(
            shown[0][key] == order[key],
            "{key}: shown {}, got {order}",
            shown[0]
        );
    }
    let list = newcomer.shell(list)?;
    ensure!(list["orders"][0]["id"] == order["order_id"], "{list}");
    newcomer.flash_sale()?;

    let second = newcomer.xtask(&["up"])?;
    let words = String::from_utf8_lossy(&second.stderr);
    ensure!(
        !second.status.success() && words.contains("already running"),
        "{words}"
    );
    up.stop()?;
    ensure!(
        newcomer
            .ports
            .iter()
            .all(|port| stack::port::is_free(*port)),
        "a port is still taken"
    );

    let up = newcomer.up("second")?;
    let order_id = order["order_id"].as_str().context("order_id")?;
    let api = newcomer.ports[0];
    let again = newcomer.shell(&format!(
        "curl -s http://127.0.0.1:{api}/v1/order/{order_id}"
    ))?;
    ensure!(again["order"]["id"] == order["order_id"], "{again}");
    let reconciled = newcomer.xtask(&["reconcile"])?;
    ensure!(
        reconciled.status.success(),
        "{}",
        String::from_utf8_lossy(&reconciled.stdout)
    );
    let down = newcomer.xtask(&["down"])?;
    ensure!(
        down.status.success(),
        "{}",
        String::from_utf8_lossy(&down.stderr)
    );
    stack::wait_for(STOPPED_WITHIN, "the end of up", || up.ended().is_some())?;
    ensure!(
        up.ended().is_some_and(|status| status.success()),
        "{}",
        up.last_words()
    );
    Ok(())
}

impl Newcomer {
    fn arrive() -> Result<Newcomer> {
        let temporary = Home::temporary()?;
        let home = Home::kept(temporary.path().join("logs"))?;
        let copy = temporary.path().join("flashorder");
        copy_sources(&checkout()?, &copy)?;
        let ports = [
            free_port()?,
            free_port()?,
            free_port()?,
            free_port()?,
            free_port()?,
        ];
        Ok(Newcomer {
            _temporary: temporary,
            home,
            copy,
            ports,
        })
    }

    fn cargo(&self) -> Result<(PathBuf, PathBuf)> {
        // This program is <target>/<profile>/deps/up-….
        let program = env::current_exe()?;
        let target = program.ancestors().nth(3).context("no target folder")?;
        let cargo = env::var_os("CARGO").context("cargo test sets CARGO")?;
        Ok((cargo.into(), target.join("up")))
    }

    fn up(&self, name: &str) -> Result<Process> {
        let (cargo, target) = self.cargo()?;
        let [api, second, grpc, host, relay] = self.ports.map(|port| format!("127.0.0.1:{port}"));
        let log = self.home.path().join(name).join(format!("{name}.log"));
        let said = move || {
            let said = fs::read_to_string(&log)?;
            ensure!(said.contains(LAST_LINE), "not ready yet");
            Ok(())
        };
        Launch::new(&self.home, name, cargo)?
            .args(["xtask", "up", "--listen", &api, "--listen", &second])
            .args(["--grpc-listen", &grpc])
            .args(["--host-metrics", &host, "--relay-metrics", &relay])
            .cwd(&self.copy)
            .env("CARGO_TARGET_DIR", target)
            .stop_within(STOPPED_WITHIN)
            .ready(READY_WITHIN, said)
            .start()
    }

    fn xtask(&self, args: &[&str]) -> Result<Output> {
        let (cargo, target) = self.cargo()?;
        Command::new(cargo)
            .arg("xtask")
            .args(args)
            .current_dir(&self.copy)
            .env("CARGO_TARGET_DIR", target)
            .output()
            .context("cannot run cargo xtask")
    }

    /// Runs the documented flash sale; each answer must have the keys that the document shows.
    fn flash_sale(&self) -> Result<()> {
        let shown = self.answers(FLASH_SALE)?;
        let lines = self.lines(FLASH_SALE)?;
        ensure!(
            lines.len() == shown.len(),
            "{} lines, {} answers",
            lines.len(),
            shown.len()
        );
        let (mut token, mut order) = (String::new(), String::new());
        for (line, shown) in lines.iter().zip(&shown) {
            let line = line.replace("TOKEN", &token).replace("ORDER_ID", &order);
            if !line.contains(" -d ") {
                // The order is queued for a moment.
                stack::wait_ok(WRITTEN_WITHIN, &line, || {
                    same_keys(shown, &self.shell(&line)?)
                })?;
                continue;
            }
            let answer = self.shell(&line)?;
            same_keys(shown, &answer)?;
            for (field, kept) in [("token", &mut token), ("order_id", &mut order)] {
                if let Some(value) = answer[field].as_str() {
                    kept.clear();
                    kept.push_str(value);
                }
            }
        }
        Ok(())
    }

    /// A document's section, split at its code blocks.
    fn part(&self, (document, heading): Section) -> Result<Vec<String>> {
        let text = fs::read_to_string(self.copy.join(document))?;
        let (_, part) = text
            .split_once(heading)
            .with_context(|| format!("{document} has no {heading:?}"))?;
        Ok(part.split("```").map(str::to_owned).collect())
    }

    /// The answers shown first in a section.
    fn answers(&self, section: Section) -> Result<Vec<Value>> {
        let parts = self.part(section)?;
        let block = parts.get(3).context("no answers are shown")?;
        let answers = block.lines().filter(|line| line.starts_with('{'));
        answers
            .map(|line| {
                let whole = line.replace("{…}", "{}").replace("[…]", "[]");
                serde_json::from_str(&whole).with_context(|| line.to_owned())
            })
            .collect()
    }

    /// The curl commands of a section, with this platform's port.
    fn lines(&self, section: Section) -> Result<Vec<String>> {
        let parts = self.part(section)?;
        let block = parts.get(1).context("no lines to try")?;
        let here = format!("127.0.0.1:{}", self.ports[0]);
        let curl = block.lines().filter(|line| line.starts_with("curl "));
        Ok(curl
            .map(|line| line.replace("127.0.0.1:8081", &here))
            .collect())
    }

    fn shell(&self, line: &str) -> Result<Value> {
        let output = Command::new("sh").args(["-c", line]).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "{line}: {}", output.status);
        serde_json::from_str(&text).with_context(|| format!("{line}: {text}"))
    }
}

/// The shown answer has the same keys as the real one.
fn same_keys(shown: &Value, came: &Value) -> Result<()> {
    let keys = |value: &Value| {
        let object = value.as_object();
        object.map(|object| object.keys().cloned().collect::<Vec<_>>())
    };
    ensure!(keys(shown) == keys(came), "shown {shown}, got {came}");
    Ok(())
}

/// From cargo's variable at run time: at compile time it may have been another checkout that shares the target folder.
fn checkout() -> Result<PathBuf> {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").context("not started by cargo")?;
    let root = Path::new(&package).parent();
    Ok(root.context("not in a checkout")?.to_owned())
}

/// Copies everything except build output, `up`'s data and git's.
fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if ["target", ".run", ".git"]
            .iter()
            .any(|skipped| name == *skipped)
        {
            continue;
        }
        let target = to.join(&name);
        if entry.file_type()?.is_dir() {
            copy_sources(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
