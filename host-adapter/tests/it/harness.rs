//! Starts what the tests need: the probe components, one MariaDB and one Redis for all, and hosts with the flags of
//! each test.

use clap::Parser;
use host_adapter::Host;
use host_adapter::config::{Cli, Command};
use serde_json::{Value, json};
use stack::{Home, MariaDb, Redis, component};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

/// The servers all tests share. They end with this process.
pub struct Servers {
    _home: Home,
    /// With the database `probe`.
    pub mariadb: MariaDb,
    /// Empty at first.
    pub redis: Redis,
}

const SCHEMA: &str = "CREATE DATABASE probe; USE probe;
    CREATE TABLE item (id BIGINT PRIMARY KEY, name VARCHAR(20) NOT NULL);
    CREATE TABLE entry (id BIGINT AUTO_INCREMENT PRIMARY KEY, note TEXT NOT NULL);
    INSERT INTO item VALUES (1, 'one'), (2, 'two');";

/// A MariaDB with the tables of the tests, in `home`.
pub fn mariadb(home: &Home) -> MariaDb {
    let server = MariaDb::start(home, None).unwrap();
    server.sql(SCHEMA).unwrap();
    server
}

pub fn servers() -> &'static Servers {
    static SERVERS: LazyLock<Servers> = LazyLock::new(|| {
        let home = Home::temporary().unwrap();
        Servers {
            mariadb: mariadb(&home),
            redis: Redis::start(&home, None).unwrap(),
            _home: home,
        }
    });
    &SERVERS
}

/// The folder of the built probes.
fn probes() -> &'static Path {
    static PROBES: LazyLock<PathBuf> = LazyLock::new(|| {
        let probe = component::wasm("probe").unwrap();
        probe.parent().unwrap().to_owned()
    });
    &PROBES
}

/// A folder with an application of the probes, removed when dropped.
pub struct App(Home);

impl App {
    /// The manifest allows the shared servers and nothing else, beside `hosts`.
    pub fn new(hosts: &[String]) -> Self {
        let home = Home::temporary().unwrap();
        let folder = home.path();
        let allowed: Vec<_> = [servers().mariadb.port(), servers().redis.port()]
            .iter()
            .zip(["mysql", "redis"])
            .map(|(port, scheme)| format!("{scheme}://127.0.0.1:{port}"))
            .chain(hosts.iter().cloned())
            .collect();
        let probes = probes().display();
        let manifest = format!(
            r#"spin_manifest_version = 2
[application]
name = "probe"
[variables]
greeting = {{ default = "hello" }}
token = {{ required = true, secret = true }}
cors_origins = {{ default = "*" }}
[[trigger.http]]
route = "/..."
component = "probe"
[[trigger.http]]
route = "/users/:user/..."
component = "probe"
[[trigger.http]]
route = "/p2/..."
component = "probe-p2"
[component.probe]
source = "{probes}/probe.wasm"
allowed_outbound_hosts = {allowed:?}
variables = {{ greeting = "{{{{ greeting }}}}, {{{{ token }}}}" }}
environment = {{ MODE = "slow" }}
files = [{{ source = "files", destination = "/files" }}]
[component.probe-p2]
source = "{probes}/probe_p2.wasm"
"#
        );
        std::fs::write(folder.join("spin.toml"), manifest).unwrap();
        let files = home.dir("files").unwrap();
        std::fs::write(files.join("note.txt"), "a note").unwrap();
        Self(home)
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Adds to the manifest.
    pub fn add(&self, text: &str) {
        let file = self.folder().join("spin.toml");
        let manifest = std::fs::read_to_string(&file).unwrap() + text;
        std::fs::write(&file, manifest).unwrap();
    }

    /// Adds a runtime configuration file and gives its path.
    pub fn runtime_config(&self, text: &str) -> String {
        let file = self.folder().join("runtime.toml");
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    }
}

/// A host serving an [`App`] within this process.
pub struct Running {
    host: Option<Host>,
    address: SocketAddr,
    metrics: SocketAddr,
    agent: ureq::Agent,
    _app: App,
}

/// The environment that every test's host starts with.
pub fn environment() -> HashMap<String, String> {
    HashMap::from([("SPIN_VARIABLE_TOKEN".to_owned(), "secret".to_owned())])
}

impl Running {
    /// With one thread, so that a test knows which pool it uses.
    pub fn start(flags: &[&str]) -> Self {
        Self::start_app(App::new(&[]), flags)
    }

    pub fn start_app(app: App, flags: &[&str]) -> Self {
        let folder = app.folder().display().to_string();
        let base = [
            "host-adapter",
            "up",
            "-f",
            &folder,
            "--listen",
            "127.0.0.1:0",
            "--metrics-listen",
            "127.0.0.1:0",
        ];
        let threads = if flags.contains(&"--threads") {
            &[][..]
        } else {
            &["--threads", "1"][..]
        };
        let all = base.iter().chain(threads).chain(flags);
        let Command::Up(up) = Cli::try_parse_from(all).unwrap().command;
        let host = Host::start(&up, environment()).unwrap();
        Self {
            address: host.addresses()[0],
            metrics: host.metrics_address().unwrap(),
            host: Some(host),
            agent: agent(),
            _app: app,
        }
    }

    /// With `[outbound_mysql] max_connections = connections`.
    pub fn with_pool(connections: usize, flags: &[&str]) -> Self {
        let app = App::new(&[]);
        let config = app.runtime_config(&format!(
            "[outbound_mysql]\nmax_connections = {connections}\n"
        ));
        Self::start_app(app, &[&["--runtime-config-file", &config], flags].concat())
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        read(
            self.agent
                .get(format!("http://{}{path}", self.address))
                .call(),
        )
    }

    pub fn post(&self, path: &str, body: &str) -> (u16, String) {
        read(
            self.agent
                .post(format!("http://{}{path}", self.address))
                .send(body),
        )
    }

    /// Any request without a body, and the whole answer.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> ureq::http::Response<String> {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = self.agent.run(request.body(()).unwrap()).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        response.map(|_| text)
    }

    /// Runs statements on one connection and gives a line for each.
    pub fn sql(&self, steps: Value) -> Vec<String> {
        self.sql_at(&servers().mariadb.url("probe"), steps)
    }

    pub fn sql_at(&self, address: &str, steps: Value) -> Vec<String> {
        self.steps("/sql", address, steps)
    }

    /// Runs commands on one connection and gives a line for each.
    pub fn redis_at(&self, address: &str, steps: Value) -> Vec<String> {
        self.steps("/redis", address, steps)
    }

    fn steps(&self, path: &str, address: &str, steps: Value) -> Vec<String> {
        let body = json!({ "address": address, "steps": steps }).to_string();
        let (status, text) = self.post(path, &body);
        assert_eq!(status, 200, "{text}");
        text.lines().map(str::to_owned).collect()
    }

    pub fn redis(&self, steps: Value) -> Vec<String> {
        self.redis_at(&servers().redis.url(), steps)
    }

    /// The sum of a metric over its labels that contain `label`.
    pub fn metric(&self, name: &str, label: &str) -> f64 {
        let (_, text) = read(
            self.agent
                .get(format!("http://{}/metrics", self.metrics))
                .call(),
        );
        text.lines()
            .filter(|line| line.starts_with(name) && line.contains(label))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .sum()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(host) = self.host.take() {
            host.stop();
        }
    }
}

pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into()
}

/// Status and body; a connection that failed is status 0 and the error.
pub fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, String) {
    match answer {
        Ok(mut response) => {
            let text = response.body_mut().read_to_string().unwrap_or_default();
            (response.status().as_u16(), text)
        }
        Err(error) => (0, error.to_string()),
    }
}

/// Waits until `ready`, or fails naming `what`.
pub fn wait_for(what: &str, ready: impl FnMut() -> bool) {
    stack::wait_for(Duration::from_secs(20), what, ready).unwrap();
}

/// A request whose body of one byte is yet to come.
pub fn half(host: &Running) -> TcpStream {
    let mut stream = TcpStream::connect(host.address()).unwrap();
    let head = "POST /body HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 1\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Sends that byte and reads the reply; a host that has closed meanwhile may take no more of it.
pub fn rest(mut stream: TcpStream) -> String {
    let _ = stream.write_all(b"x");
    let mut reply = String::new();
    let _ = stream.read_to_string(&mut reply);
    reply
}
