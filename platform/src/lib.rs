//! The whole platform as private processes, for tests and benchmarks: servers with their own data, migrations, host and
//! relay; checks of replies and events against the documents of the contract; a shop and flash sales to fill it with.

pub mod asyncapi;
pub mod client;
pub mod openapi;
pub mod sale;
pub mod shop;

use anyhow::{Context, Result, ensure};
use client::Client;
use stack::steps::{Protocol, Steps};
use stack::{
    Clock, Elasticsearch, Home, Kafka, Launch, MariaDb, Process, Redis, component, free_port,
    wait_ok,
};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Order shards of a platform under test.
pub const SHARDS: u64 = 2;
/// The variable with the Redis over which hosts notify each other of what is stale; for [`Platform::host_with`].
pub const CACHE_CHANNEL_URL: &str = "CACHE_CHANNEL_URL";
/// How long a request may take a component with a circuit breaker.
const BREAKER_TIMEOUT: &str = "10s";
/// How long the relay may take to finish what a test left.
const SETTLE_SECONDS: &str = "30";

/// The parts and settings of a platform.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// A real broker instead of the relay's own.
    pub kafka: bool,
    /// A real broker behind [`Platform::kafka_steps`].
    pub kafka_steps: bool,
    pub elasticsearch: bool,
    /// Sets `UNPAID_EXPIRY_MS`.
    pub unpaid_expiry_ms: Option<u64>,
    /// Sets `RELAY_IDLE_POLL_MS`.
    pub idle_poll_ms: Option<u64>,
    /// A second host and a second relay on the same servers; needs a real broker.
    pub twin: bool,
    /// The number of order shards; `None`: [`SHARDS`].
    pub shards: Option<u64>,
    /// Separate wall clocks for Redis, host and relay, in [`Platform::clocks`].
    pub clocks: bool,
    /// The relay has a lower priority than others, as with `up`.
    pub relay_gives_way: bool,
}

/// Wall clocks that a test sets.
pub struct Clocks {
    pub redis: Clock,
    pub host: Clock,
    pub relay: Clock,
}

/// A second host and relay.
pub struct Twin {
    pub host: Process,
    pub relay: Process,
    pub api: Client,
}

/// A running platform. Dropped, its processes are killed and its data deleted.
pub struct Platform {
    // In the order in which they must end.
    pub twin: Option<Twin>,
    pub host: Process,
    pub relay: Process,
    pub elasticsearch: Option<Elasticsearch>,
    pub kafka: Option<Kafka>,
    /// The proxy before the broker, with [`Options::kafka_steps`]: all clients go through it.
    pub kafka_steps: Option<Steps>,
    pub redis: Redis,
    pub mariadb: MariaDb,
    pub clocks: Option<Clocks>,
    pub api: Client,
    /// A client of the host's `/metrics`.
    pub metrics: Client,
    environment: Vec<(&'static str, String)>,
    relay_program: PathBuf,
    home: Home,
}

impl Clocks {
    fn new(home: &Home) -> Result<Clocks> {
        Ok(Clocks {
            redis: Clock::new(home, "redis")?,
            host: Clock::new(home, "host")?,
            relay: Clock::new(home, "relay")?,
        })
    }
}

impl Platform {
    /// Starts everything and waits until it serves.
    ///
    /// # Errors
    /// Where a process does not get ready; with the tail of its log.
    pub fn start(options: Options) -> Result<Platform> {
        let home = Home::temporary()?;
        let mariadb = MariaDb::start(&home, None)?;
        let clocks = options.clocks.then(|| Clocks::new(&home)).transpose()?;
        let clock = clocks.as_ref();
        let redis = Redis::start_by_clock(&home, None, clock.map(|all| &all.redis))?;
        let kafka_port = free_port()?;
        let kafka_steps = options
            .kafka_steps
            .then(|| Steps::before(kafka_port, Protocol::Kafka))
            .transpose()?;
        let proxy = kafka_steps.as_ref().map(Steps::port);
        let kafka = (options.kafka || options.kafka_steps)
            .then(|| Kafka::start_behind(&home, Some(kafka_port), proxy))
            .transpose()?;
        let elasticsearch = options
            .elasticsearch
            .then(|| Elasticsearch::start(&home, None))
            .transpose()?;
        let shards: Vec<String> = (0..options.shards.unwrap_or(SHARDS))
            .map(|shard| mariadb.url(&format!("order_{shard}")))
            .collect();
        let mut environment = vec![
            ("MYSQL_URLS", shards.join(",")),
            ("INVENTORY_URL", mariadb.url("inventory")),
            ("REDIS_URL", redis.url()),
            (CACHE_CHANNEL_URL, redis.url()),
            (
                "KAFKA_BROKERS",
                kafka.as_ref().map(Kafka::brokers).unwrap_or_default(),
            ),
            (
                "ELASTICSEARCH_URL",
                elasticsearch
                    .as_ref()
                    .map(Elasticsearch::url)
                    .unwrap_or_default(),
            ),
        ];
        let times = [
            ("UNPAID_EXPIRY_MS", options.unpaid_expiry_ms),
            ("RELAY_IDLE_POLL_MS", options.idle_poll_ms),
        ];
        let set = times
            .into_iter()
            .filter_map(|(name, ms)| Some((name, ms?.to_string())));
        environment.extend(set);
        environment.extend(callers(&home, &mariadb)?);
        let relay_program = stack::binary("relay-worker")?;
        run(&relay_program, &["migrate"], &environment)?;
        let relay = start_relay(
            &home,
            "relay-worker",
            &relay_program,
            &options,
            &environment,
            clock.map(|clocks| &clocks.relay),
        )?;
        let by = clock.map(|clocks| &clocks.host);
        let host = start_host(&home, "host-adapter", &environment, by)?;
        let twin = options
            .twin
            .then(|| {
                let name = "relay-twin";
                let relay = start_relay(&home, name, &relay_program, &options, &environment, None)?;
                let host = start_host(&home, "host-twin", &environment, None)?;
                anyhow::Ok(Twin {
                    host: host.process,
                    relay,
                    api: host.api,
                })
            })
            .transpose()?;
        Ok(Platform {
            twin,
            host: host.process,
            relay,
            elasticsearch,
            kafka,
            kafka_steps,
            redis,
            mariadb,
            clocks,
            api: host.api,
            metrics: host.metrics,
            environment,
            relay_program,
            home,
        })
    }

    /// Waits until the relay has finished its work, and checks the invariants over all databases.
    ///
    /// # Errors
    /// With the table, where an invariant is broken.
    pub fn reconcile(&self) -> Result<String> {
        let arguments = ["reconcile", "--settle-seconds", SETTLE_SECONDS];
        run(&self.relay_program, &arguments, &self.environment)
    }

    /// Runs a command of the relay that must succeed; its output.
    ///
    /// # Errors
    /// With its output, where it fails.
    pub fn relay_command(&self, arguments: &[&str]) -> Result<String> {
        run(&self.relay_program, arguments, &self.environment)
    }

    /// The folder of its data and logs, deleted with it.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The variables with the addresses of the servers, by the relay's names. Some are secrets.
    pub fn environment(&self) -> &[(&'static str, String)] {
        &self.environment
    }

    /// Clients of all hosts.
    pub fn apis(&self) -> Vec<&Client> {
        let twin = self.twin.iter().map(|twin| &twin.api);
        std::iter::once(&self.api).chain(twin).collect()
    }

    fn environment_with(&self, own: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let mut environment = self.environment.clone();
        environment.retain(|(name, _)| own.iter().all(|(other, _)| name != other));
        environment.extend(own.iter().map(|(name, value)| (*name, (*value).to_owned())));
        environment
    }

    /// A further host on the same servers, with its own values of these variables; an empty one counts as not set.
    ///
    /// # Errors
    /// Where it does not get ready.
    pub fn host_with(&self, name: &str, own: &[(&'static str, &str)]) -> Result<(Process, Client)> {
        let environment = self.environment_with(own);
        let host = start_host(&self.home, name, &environment, None)?;
        Ok((host.process, host.api))
    }

    /// A further host on the same servers, which listens on these ports too.
    ///
    /// # Errors
    /// Where it does not get ready.
    pub fn host_on(&self, name: &str, ports: &[u16]) -> Result<(Process, Client)> {
        let host = start_host_on(&self.home, name, &self.environment, None, ports)?;
        Ok((host.process, host.api))
    }

    /// A further relay on the same servers, with its own values of these variables.
    ///
    /// # Errors
    /// Where it does not get ready.
    pub fn relay_with(&self, name: &str, own: &[(&'static str, &str)]) -> Result<Process> {
        let environment = self.environment_with(own);
        let options = Options::default();
        start_relay(
            &self.home,
            name,
            &self.relay_program,
            &options,
            &environment,
            None,
        )
    }

    /// The databases' addresses through a proxy on `port`.
    pub fn databases_through(&self, port: u16) -> [(&'static str, String); 2] {
        let direct = self.mariadb.port();
        ["MYSQL_URLS", "INVENTORY_URL"].map(|name| (name, self.through(name, direct, port)))
    }

    /// Redis' address through a proxy on `port`.
    pub fn redis_through(&self, port: u16) -> (&'static str, String) {
        const NAME: &str = "REDIS_URL";
        (NAME, self.through(NAME, self.redis.port(), port))
    }

    fn through(&self, name: &str, direct: u16, port: u16) -> String {
        let mut values = self.environment.iter().filter(|(have, _)| *have == name);
        let value = values.next().map(|(_, value)| value.as_str());
        let value = value.unwrap_or_default();
        value.replace(&format!(":{direct}/"), &format!(":{port}/"))
    }

    /// The text of a relay's `/metrics`.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn metrics_of(&self, relay: &Process) -> Result<String> {
        let log = fs::read_to_string(relay.log())?;
        let (_, rest) = log
            .rsplit_once("metrics on http://")
            .context("the relay serves no metrics")?;
        let (address, _) = rest.split_once('/').context("no address")?;
        let reply = Client::new(format!("http://{address}")).get("/metrics")?;
        Ok(reply.expect(200)?.text)
    }

    /// Another program that takes the host's variables, on the same servers; not yet started.
    ///
    /// # Errors
    /// Where its folder cannot be created.
    pub fn beside(&self, name: &str, program: PathBuf) -> Result<Launch> {
        let launch = Launch::new(&self.home, name, program)?;
        Ok(with_variables(launch, &self.environment))
    }

    /// Runs SQL and gives its rows, columns separated by tabs.
    ///
    /// # Errors
    /// The server's error.
    pub fn sql(&self, statement: &str) -> Result<String> {
        self.mariadb.sql(statement)
    }

    /// The single number that a query gives.
    ///
    /// # Errors
    /// The server's error, or where the result is no number.
    pub fn number(&self, query: &str) -> Result<i64> {
        let text = self.sql(query)?;
        text.trim()
            .parse()
            .with_context(|| format!("{query} gave {text:?}"))
    }

    /// A new connection to the platform's Redis.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn redis_connection(&self) -> Result<redis::Connection> {
        Ok(redis::Client::open(self.redis.url())?.get_connection()?)
    }
}

fn start_relay(
    home: &Home,
    name: &str,
    program: &PathBuf,
    options: &Options,
    environment: &[(&'static str, String)],
    clock: Option<&Clock>,
) -> Result<Process> {
    let port = free_port()?;
    let mut launch = Launch::new(home, name, program)?
        .clock(clock)
        .gives_way(options.relay_gives_way)
        .args(["run", "--metrics-listen", &format!("127.0.0.1:{port}")])
        .ready(Duration::from_secs(30), move || answers(port, "/metrics"));
    for (name, value) in environment {
        launch = launch.env(name, value);
    }
    launch.start()
}

struct Host {
    process: Process,
    api: Client,
    metrics: Client,
}

fn start_host(
    home: &Home,
    name: &str,
    environment: &[(&'static str, String)],
    clock: Option<&Clock>,
) -> Result<Host> {
    start_host_on(home, name, environment, clock, &[])
}

/// A host that listens on a free port, and on `more`.
fn start_host_on(
    home: &Home,
    name: &str,
    environment: &[(&'static str, String)],
    clock: Option<&Clock>,
    more: &[u16],
) -> Result<Host> {
    let app = home.dir("app")?;
    let components = app.join("target/components");
    fs::create_dir_all(&components)?;
    fs::copy(
        component::checkout()?.join("spin.toml"),
        app.join("spin.toml"),
    )?;
    for name in component::ALL {
        fs::copy(
            component::wasm(name)?,
            components.join(format!("{name}.wasm")),
        )?;
    }
    let (port, metrics) = (free_port()?, free_port()?);
    let ports = [port].into_iter().chain(more.iter().copied());
    let listen = ports.map(|port| format!("127.0.0.1:{port}"));
    let launch = Launch::new(home, name, stack::binary("host-adapter")?)?
        .cwd(&app)
        .clock(clock)
        .args(["up", "-f", "spin.toml"])
        .args(listen.flat_map(|address| ["--listen".to_owned(), address]))
        .args(["--metrics-listen", &format!("127.0.0.1:{metrics}")])
        // Tests load every core: a second is too short to tell an outage from that.
        .args(["--breaker-timeout", BREAKER_TIMEOUT])
        // The first start compiles every component.
        .ready(Duration::from_secs(120), move || answers(port, "/health"));
    let launch = with_variables(launch, environment);
    let at = |port| format!("http://127.0.0.1:{port}");
    Ok(Host {
        process: launch.start()?,
        api: Client::of_platform(at(port)),
        metrics: Client::new(at(metrics)),
    })
}

/// Requests are trusted, and those with a token or a signature known by it. Everybody may become a user.
fn callers(home: &Home, mariadb: &MariaDb) -> Result<[(&'static str, String); 5]> {
    let key = stack::secret(&home.path().join("access.key"))?;
    let provider = stack::secret(&home.path().join("provider.key"))?;
    Ok([
        ("AUTH_MODE", "compat".to_owned()),
        ("AUTH_KEYS", format!("platform:{key}")),
        ("MACHINE_KEYS", format!("payments:provider:{provider}")),
        ("REGISTRATION", "open".to_owned()),
        ("USERS_URL", mariadb.url("users")),
    ])
}

fn with_variables(launch: Launch, environment: &[(&'static str, String)]) -> Launch {
    environment
        .iter()
        .fold(launch, |launch, (name, value)| match *name {
            // For the host itself; the others are for the functions.
            CACHE_CHANNEL_URL if value.is_empty() => launch,
            CACHE_CHANNEL_URL => launch.env(CACHE_CHANNEL_URL, value),
            name => launch.env(format!("SPIN_VARIABLE_{name}"), value),
        })
}

/// Checks that the server on this port answers a GET with 200.
///
/// # Errors
/// Where it does not.
pub fn answers(port: u16, path: &str) -> Result<()> {
    let client = Client::new(format!("http://127.0.0.1:{port}"));
    client.get(path)?.expect(200).map(drop)
}

/// Runs one of the platform's programs to its end and gives its output.
fn run(
    program: &PathBuf,
    arguments: &[&str],
    environment: &[(&'static str, String)],
) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr);
    let name = arguments.join(" ");
    ensure!(
        output.status.success(),
        "{name}: {}\n{printed}{said}",
        output.status
    );
    Ok(printed)
}

/// Waits until `attempt` succeeds; for effects that follow a request within seconds.
///
/// # Errors
/// After 60 s, naming `what` and the last failure.
pub fn soon<T>(what: &str, attempt: impl FnMut() -> Result<T>) -> Result<T> {
    wait_ok(Duration::from_secs(60), what, attempt)
}
