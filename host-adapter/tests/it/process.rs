//! The binary: readiness, one line for what is wrong, draining on SIGTERM.

use crate::harness::{App, agent, environment, read, servers};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

fn command(app: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_host-adapter"));
    command
        .args(["up", "-f"])
        .arg(app)
        .envs(environment())
        .env_remove("RUST_LOG");
    command
}

pub struct Process(Child);

impl Process {
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.0.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the host and gives its URL from the `ready` line.
fn start(app: &App) -> (Process, String) {
    start_with(app, &[])
}

/// The same with further flags.
pub fn start_with(app: &App, flags: &[&str]) -> (Process, String) {
    let (process, ready, _) = start_logged(app, flags);
    (process, ready["listen"].as_str().unwrap().to_owned())
}

/// The same with the `ready` line, and the lines of its log after that.
pub fn start_logged(app: &App, flags: &[&str]) -> (Process, Value, BufReader<ChildStdout>) {
    let mut command = command(app.folder());
    command
        .args(["--listen", "127.0.0.1:0"])
        .args(flags)
        .stdout(Stdio::piped());
    let mut child = Process(command.spawn().unwrap());
    let mut log = BufReader::new(child.0.stdout.take().unwrap());
    for line in log.by_ref().lines() {
        let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if event["message"] == "ready" {
            assert_eq!(event["service"], "host-adapter");
            return (child, event, log);
        }
    }
    panic!("the host ended before it was ready");
}

#[test]
fn sigterm_lets_requests_end_and_takes_no_more() {
    let app = App::new(&[]);
    let (mut host, url) = start(&app);
    let agent = agent();
    let in_flight = {
        let (agent, url) = (agent.clone(), url.clone());
        let steps = json!({ "address": servers().mariadb.url("probe"), "steps": [["query", "SELECT SLEEP(1)"]] });
        std::thread::spawn(move || read(agent.post(format!("{url}/sql")).send(steps.to_string())))
    };
    crate::harness::wait_for("the statement to run", || {
        let list = servers().mariadb.sql(
            "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO = 'SELECT SLEEP(1)'",
        );
        list.unwrap().trim() != "0"
    });
    stack::terminate(host.0.id()).unwrap();
    crate::harness::wait_for("new connections to be refused", || {
        read(agent.get(format!("{url}/hello")).call()).0 == 0
    });
    let (status, text) = in_flight.join().unwrap();
    assert_eq!((status, text.trim()), (200, "1 DbValue::Int32(0)"));
    assert!(host.0.wait().unwrap().success());
}

#[test]
fn a_second_start_takes_components_from_the_cache() {
    let app = App::new(&[]);
    drop(start(&app));
    let started = Instant::now();
    drop(start(&app));
    // A compilation of the probe alone takes longer; the bound leaves room for a busy machine.
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
}

/// Runs the host to its failure and gives its only line.
fn failure(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text.trim().to_owned()
}

#[test]
fn what_is_wrong_is_said_in_one_line_before_listening() {
    let app = App::new(&[]);
    let manifest = app.folder().join("spin.toml");
    let shown = manifest.display();

    let missing = failure(command(app.folder()).env_remove("SPIN_VARIABLE_TOKEN"));
    let want = format!(
        "host-adapter: {shown}: variables: required but not given: token (set SPIN_VARIABLE_TOKEN or pass --variable)"
    );
    assert_eq!(missing, want);

    let config = app.runtime_config("[outbound_mysql]\nmax = 1\n");
    let unknown = failure(command(app.folder()).args(["--runtime-config-file", &config]));
    assert!(
        unknown.starts_with(&format!(
            "host-adapter: {config}: outbound_mysql.max: unknown field `max`"
        )),
        "{unknown}"
    );

    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(app.folder().join("not.wasm"), "no component").unwrap();
    let broken = text.replacen("source = \"", "source = \"not.wasm\" # ", 1);
    std::fs::write(&manifest, &broken).unwrap();
    let not_wasm = failure(&mut command(app.folder()));
    assert!(
        not_wasm.starts_with(&format!("host-adapter: {shown}: component.probe.source: ")),
        "{not_wasm}"
    );
    std::fs::write(&manifest, &text).unwrap();

    let (_host, url) = start(&app);
    let address = url.trim_start_matches("http://");
    let taken = failure(command(app.folder()).args(["--listen", address]));
    assert!(
        taken.starts_with(&format!(
            "host-adapter: command line: --listen: {address}: Address already in use"
        )),
        "{taken}"
    );
}
