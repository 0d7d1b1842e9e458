//! A host under attack whose components misbehave on command: `wild`, `stuck` and `bounded` do, `steady` serves the
//! honest clients.

use crate::honest::{Turn, clients};
use crate::shop::alone;
use crate::siege::{REST_WITHIN, Siege, Target};
use anyhow::{Result, ensure};
use platform::client::Client;
use platform::{Platform, answers};
use serde_json::json;
use stack::{Home, Launch, Process, component, free_port};
use std::fs;
use std::future::Future;
use std::sync::MutexGuard;
use std::time::Duration;

/// The host's request timeout here. An attack's work has ended after three times that: a request waits for an instance,
/// runs into the timeout, and its instance is removed.
const REQUEST_TIMEOUT: &str = "3s";
const SCHEMA: &str =
    "CREATE DATABASE IF NOT EXISTS probe; CREATE DATABASE IF NOT EXISTS wild; USE probe;
    CREATE TABLE IF NOT EXISTS item (id BIGINT PRIMARY KEY, name VARCHAR(20) NOT NULL);
    CREATE TABLE IF NOT EXISTS entry (id BIGINT AUTO_INCREMENT PRIMARY KEY, note TEXT NOT NULL);
    REPLACE INTO item VALUES (1, 'one');";

/// The host, its application and its servers, for one test at a time.
pub struct Probes {
    host: Process,
    port: u16,
    metrics: Client,
    platform: &'static Platform,
    _home: Home,
    _alone: MutexGuard<'static, ()>,
}

impl Probes {
    pub fn open() -> Result<Probes> {
        Probes::start(|launch| launch)
    }

    /// With a standard output that nobody reads.
    pub fn unheard() -> Result<Probes> {
        Probes::start(Launch::unheard)
    }

    fn start(how: impl FnOnce(Launch) -> Launch) -> Result<Probes> {
        let (platform, alone) = alone()?;
        platform.sql(SCHEMA)?;
        let home = Home::temporary()?;
        let app = home.dir("app")?;
        fs::write(app.join("spin.toml"), manifest()?)?;
        let (port, metrics) = (free_port()?, free_port()?);
        let launch = Launch::new(&home, "probes", stack::binary("host-adapter")?)?
            .args(["up", "-f"])
            .args([app])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--metrics-listen", &format!("127.0.0.1:{metrics}")])
            .args(["--request-timeout", REQUEST_TIMEOUT])
            .env("SPIN_VARIABLE_MYSQL_URL", platform.mariadb.url("probe"))
            .env("SPIN_VARIABLE_REDIS_URL", platform.redis.url())
            .ready(Duration::from_secs(120), move || answers(port, "/hello"));
        Ok(Probes {
            host: how(launch).start()?,
            port,
            metrics: Client::new(format!("http://127.0.0.1:{metrics}")),
            platform,
            _home: home,
            _alone: alone,
        })
    }

    /// Runs an attack beside clients of `steady`.
    pub fn besiege<F>(&self, attack: impl FnOnce(Target) -> F + Send)
    where
        F: Future<Output = Result<()>>,
    {
        let base = format!("http://127.0.0.1:{}", self.port);
        let siege = Siege {
            process: &self.host,
            metrics: &self.metrics,
            port: self.port,
            honest: &|| clients(&base, client),
            rest_within: REST_WITHIN,
        };
        siege.run(attack);
    }

    /// The body of a request to `wild` for a statement that takes a second.
    pub fn slow_statement(&self, database: &str) -> String {
        let address = self.platform.mariadb.url(database);
        json!({ "address": address, "steps": [["query", "SELECT SLEEP(1)"]] }).to_string()
    }
}

fn manifest() -> Result<String> {
    let probe = component::wasm("probe")?;
    let stuck = component::wasm("endless-start")?;
    let mut text = String::from(
        "spin_manifest_version = 2\n[application]\nname = \"probes\"\n\
         [variables]\nmysql_url = { required = true }\nredis_url = { required = true }\n",
    );
    let routes = [
        ("/hello", "steady"),
        ("/sel", "steady"),
        ("/tx", "steady"),
        ("/get", "steady"),
        ("/stuck", "stuck"),
        ("/compute", "bounded"),
        ("/...", "wild"),
    ];
    for (route, component) in routes {
        text += &format!("[[trigger.http]]\nroute = {route:?}\ncomponent = {component:?}\n");
    }
    for (id, source) in [
        ("steady", &probe),
        ("wild", &probe),
        ("stuck", &stuck),
        ("bounded", &probe),
    ] {
        text += &format!(
            "[component.{id}]\nsource = {source:?}\n\
             allowed_outbound_hosts = [\"mysql://*:*\", \"redis://*:*\"]\n\
             variables = {{ mysql_url = \"{{{{ mysql_url }}}}\", redis_url = \"{{{{ redis_url }}}}\" }}\n"
        );
    }
    text += "[component.bounded.tool.host-adapter]\nconcurrent_requests_max = \"cores\"\n";
    Ok(text)
}

/// Requests a plain text, a row, a transaction, a key and the host's health in turn.
fn client(api: Client) -> Turn {
    const ASKED: [(&str, &str); 5] = [
        ("/hello", "hello"),
        ("/sel", "1"),
        ("/tx", "ok"),
        ("/get", ""),
        ("/.well-known/spin/health", "OK"),
    ];
    Box::new(move |turn| {
        let (path, expected) = ASKED[turn as usize % ASKED.len()];
        let reply = api.get(path)?.expect(200)?;
        ensure!(reply.text == expected, "{path}: {:?}", reply.text);
        Ok(())
    })
}
