//! The two programs that `up` runs on the servers: the relay and the host.

use super::machines::Payments;
use crate::checkout::{Checkout, Workspace};
use crate::console;
use crate::urls::Urls;
use anyhow::{Context, Result, ensure};
use stack::{Home, Launch, Process};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

const READY_WITHIN: Duration = Duration::from_secs(60);
const DRAIN_WITHIN: Duration = Duration::from_secs(35);
const PROBE_WITHIN: Duration = Duration::from_secs(3);

/// Where the programs listen.
pub struct Addresses<'a> {
    /// The API.
    pub listen: &'a [SocketAddr],
    /// More of the API's, for gRPC clients.
    pub grpc: &'a [SocketAddr],
    /// The host's metrics.
    pub host_metrics: SocketAddr,
    /// The relay's metrics.
    pub relay_metrics: SocketAddr,
}

/// How callers are known (`auth_mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By their access tokens.
    Strict,
    /// Whoever a request names is trusted.
    Compat,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Mode::Strict => "strict",
            Mode::Compat => "compat",
        }
    }
}

/// The running programs; when dropped, they drain and stop.
pub struct Platform {
    host: Process,
    relay: Process,
}

impl Platform {
    /// Starts the relay, then the host, each once the previous one is ready.
    ///
    /// # Errors
    /// When one does not become ready; with the end of its log.
    pub fn start(
        checkout: &Checkout,
        workspace: &Workspace,
        urls: &Urls,
        addresses: &Addresses<'_>,
        mode: Mode,
        payments: &Payments,
    ) -> Result<Self> {
        let home = Home::kept(checkout.run_dir())?;
        let relay = console::step("relay-worker", |_| {
            let launch = relay(&home, workspace, urls, addresses.relay_metrics)?;
            with(launch, payments.for_relay()).start()
        })?;
        let host = console::step("host-adapter", |_| {
            let launch = host(&home, checkout, workspace, urls, addresses, mode)?;
            with(launch, payments.for_host()).start()
        })?;
        Ok(Self { host, relay })
    }

    /// Both, in the order in which to stop them.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        [&self.host, &self.relay].into_iter()
    }
}

fn with<const N: usize>(launch: Launch, variables: [(&str, &str); N]) -> Launch {
    variables
        .iter()
        .fold(launch, |launch, (name, value)| launch.env(name, value))
}

fn relay(home: &Home, workspace: &Workspace, urls: &Urls, metrics: SocketAddr) -> Result<Launch> {
    let probed = reachable(&[metrics])?;
    let launch = Launch::new(home, "relay-worker", workspace.program("relay-worker"))?
        .args(["run", "--metrics-listen", &metrics.to_string()])
        // It shares the machine with the host: accepting orders has priority over publishing them.
        .gives_way(true)
        .ready(READY_WITHIN, move || answers(probed, "/metrics"))
        .stop_within(DRAIN_WITHIN);
    Ok(urls
        .for_relay()
        .iter()
        .fold(launch, |launch, (key, url)| launch.env(key, url)))
}

fn host(
    home: &Home,
    checkout: &Checkout,
    workspace: &Workspace,
    urls: &Urls,
    addresses: &Addresses<'_>,
    mode: Mode,
) -> Result<Launch> {
    let api = *addresses
        .listen
        .first()
        .context("the API needs an address to listen on")?;
    let listen = addresses
        .listen
        .iter()
        .chain(addresses.grpc)
        .flat_map(|address| ["--listen".to_owned(), address.to_string()]);
    let key = stack::secret(&checkout.run_dir().join("access.key"))?;
    let launch = Launch::new(home, "host-adapter", workspace.program("host-adapter"))?
        .env("SPIN_VARIABLE_AUTH_MODE", mode.name())
        .env("SPIN_VARIABLE_AUTH_KEYS", format!("up:{key}"))
        .env("SPIN_VARIABLE_REGISTRATION", "open")
        .args([
            "up",
            "-f",
            "spin.toml",
            "--metrics-listen",
            &addresses.host_metrics.to_string(),
        ])
        .args(listen)
        .cwd(&checkout.root)
        .ready(READY_WITHIN, move || answers(api, "/ready"))
        .stop_within(DRAIN_WITHIN);
    Ok(urls
        .for_host()
        .iter()
        .fold(launch, |launch, (key, url)| launch.env(key, url)))
}

/// The API's first address, in a form that can be called from here.
///
/// # Errors
/// When there is none.
pub fn reachable(listen: &[SocketAddr]) -> Result<SocketAddr> {
    let mut address = *listen
        .first()
        .context("the API needs an address to listen on")?;
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    Ok(address)
}

/// Whether a GET is answered with 200.
fn answers(address: SocketAddr, path: &str) -> Result<()> {
    let mut response = ureq::get(format!("http://{address}{path}"))
        .config()
        .timeout_global(Some(PROBE_WITHIN))
        .http_status_as_error(false)
        .build()
        .call()?;
    let status = response.status();
    let body = response.body_mut().read_to_string().unwrap_or_default();
    ensure!(
        status == 200,
        "{path} answers {status}: {}",
        body.chars().take(300).collect::<String>()
    );
    Ok(())
}
