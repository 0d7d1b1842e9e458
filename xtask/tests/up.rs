//! `cargo xtask up` for a newcomer: in a copy without `.run/` and `target/`, the README's commands are run as written;
//! then the platform is stopped and started again. The copy shares the target folder of this test, and its files have
//! the times of those they were made of, so that what the test needed anyway is not compiled a second time.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use stack::{Home, Launch, Process, component, free_port, program};
use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// Includes a build on a slow machine, where this test is run alone.
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
    let [products, login, alice, created, paid, list] = &lines[..] else {
        anyhow::bail!("the README has {} lines to try", lines.len());
    };
    let shell = Shell::new(&newcomer, login);
    let shell = shell.with(alice)?;
    let products = shell.run(products)?;
    ensure!(products["products"][0]["stock"].is_number(), "{products}");
    let order = shell.run(created)?;
    let shown = newcomer.answers(TRY_IT)?;
    same_keys(shown.first().context("the README shows no answer")?, &order)?;
    for key in ["code", "actual_amount", "status"] {
        ensure!(
            shown[0][key] == order[key],
            "{key}: shown {}, got {order}",
            shown[0]
        );
    }
    let order_id = order["order_id"].as_str().context("order_id")?;
    let paid = shell.run(&paid.replace("ORDER_ID", order_id))?;
    ensure!(paid["order"]["status"] == "paid", "{paid}");
    let list = shell.run(list)?;
    ensure!(list["orders"][0]["id"] == order["order_id"], "{list}");
    newcomer.flash_sale(shell)?;
    newcomer.secrets_are_private(&said)?;

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
    let said = fs::read_to_string(up.log())?;
    ensure!(
        !said.contains(&newcomer.password("alice")?),
        "a password is shown again"
    );
    let api = newcomer.ports[0];
    let shell = Shell::new(&newcomer, login).with(alice)?;
    let again = shell.run(&format!(
        "curl -s http://127.0.0.1:{api}/v1/order/{order_id} -H \"Authorization: Bearer $ALICE\""
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
        copy_sources(&component::checkout()?, &copy)?;
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

    fn up(&self, name: &str) -> Result<Process> {
        let cargo = env::var_os("CARGO").context("cargo test sets CARGO")?;
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
            .env("CARGO_TARGET_DIR", component::target_dir()?)
            .stop_within(STOPPED_WITHIN)
            .ready(READY_WITHIN, said)
            .start()
    }

    fn xtask(&self, args: &[&str]) -> Result<Output> {
        program::cargo(&self.copy)
            .arg("xtask")
            .args(args)
            .env("CARGO_TARGET_DIR", component::target_dir()?)
            .output()
            .context("cannot run cargo xtask")
    }

    /// Runs the documented flash sale; each answer must have the keys that the document shows.
    fn flash_sale(&self, mut shell: Shell<'_>) -> Result<()> {
        let shown = self.answers(FLASH_SALE)?;
        let mut lines = self.lines(FLASH_SALE)?;
        for line in lines.extract_if(.., |line| !line.starts_with("curl ")) {
            shell = shell.with(&line)?;
        }
        ensure!(
            lines.len() == shown.len(),
            "{} lines, {} answers",
            lines.len(),
            shown.len()
        );
        let (mut token, mut order) = (String::new(), String::new());
        for (line, shown) in lines.iter().zip(&shown) {
            let line = line.replace("\"TOKEN\"", &format!("\"{token}\""));
            let line = line.replace("ORDER_ID", &order);
            if !line.contains(" -d ") {
                // The order is queued for a moment.
                stack::wait_ok(WRITTEN_WITHIN, &line, || {
                    same_keys(shown, &shell.run(&line)?)
                })?;
                continue;
            }
            let answer = shell.run(&line)?;
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

    fn password(&self, user: &str) -> Result<String> {
        Ok(fs::read_to_string(self.copy.join(".run/users").join(user))?)
    }

    /// The passwords were shown once, and are nobody else's to read.
    fn secrets_are_private(&self, said: &str) -> Result<()> {
        use std::os::unix::fs::MetadataExt;
        for user in ["admin", "ops", "alice"] {
            let password = self.password(user)?;
            ensure!(said.contains(&format!("{user}  {password}")), "{user}");
        }
        for file in [".run", ".run/users", ".run/users/alice", ".run/access.key"] {
            let mode = fs::metadata(self.copy.join(file))?.mode();
            ensure!(mode & 0o077 == 0, "{file} has mode {mode:o}");
        }
        Ok(())
    }

    /// The lines of a section, with this platform's port.
    fn lines(&self, section: Section) -> Result<Vec<String>> {
        let parts = self.part(section)?;
        let block = parts.get(1).context("no lines to try")?;
        let here = format!("127.0.0.1:{}", self.ports[0]);
        let lines = block
            .lines()
            .filter(|line| *line != "sh" && !line.is_empty());
        Ok(lines
            .map(|line| line.replace("127.0.0.1:8081", &here))
            .collect())
    }
}

/// A shell in which lines were run one after the other.
struct Shell<'a> {
    newcomer: &'a Newcomer,
    /// The definition of a function.
    function: String,
    variables: BTreeMap<String, String>,
}

impl<'a> Shell<'a> {
    fn new(newcomer: &'a Newcomer, function: &str) -> Shell<'a> {
        Shell {
            newcomer,
            function: function.to_owned(),
            variables: BTreeMap::new(),
        }
    }

    /// After a line that sets a variable.
    fn with(mut self, line: &str) -> Result<Shell<'a>> {
        let (name, _) = line.split_once('=').with_context(|| line.to_owned())?;
        let value = self.text(&format!("{line}; printf %s \"${name}\""))?;
        ensure!(!value.is_empty(), "{line} sets nothing");
        self.variables.insert(name.to_owned(), value);
        Ok(self)
    }

    /// The JSON that a line prints.
    fn run(&self, line: &str) -> Result<Value> {
        let text = self.text(line)?;
        serde_json::from_str(&text).with_context(|| format!("{line}: {text}"))
    }

    fn text(&self, line: &str) -> Result<String> {
        let output = Command::new("sh")
            .args(["-c", &format!("{}\n{line}", self.function)])
            .envs(&self.variables)
            .current_dir(&self.newcomer.copy)
            .output()?;
        ensure!(output.status.success(), "{line}: {}", output.status);
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
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
            let modified = entry.metadata()?.modified()?;
            File::options()
                .write(true)
                .open(&target)?
                .set_modified(modified)?;
        }
    }
    Ok(())
}
