//! The peers of a comparison: servers that answer the same requests on the same databases. Each is started by the
//! benchmark from the same manifest, or given by its address.

use crate::cpu;
use crate::workload::Workload;
use crate::world::World;
use anyhow::{Context, Result, bail};
use platform::CACHE_CHANNEL_URL;
use platform::client::Client;
use stack::{Home, Launch, Process, component, free_port};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The component without any work, deployed beside the functions.
const NOOP: &str = "noop";
/// The first start compiles every component.
const READY: Duration = Duration::from_secs(120);

/// Kinds of peers that the benchmark can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Our host
    Host,
    /// Our host with its local cache
    HostCached,
    /// Our host, telling `perf` how the components' code is called
    #[value(skip)]
    HostProfiled,
    /// The same functions compiled natively, served by axum
    Twin,
    /// `spin up`, where spin is on PATH
    Spin,
    /// `wasmtime serve`, where wasmtime is on PATH; noop only
    Wasmtime,
}

impl Kind {
    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Host => "host",
            Kind::HostCached => "host, cached",
            Kind::HostProfiled => "host, profiled",
            Kind::Twin => "native twin",
            Kind::Spin => "spin up",
            Kind::Wasmtime => "wasmtime serve",
        }
    }
}

/// A server under comparison.
pub struct Peer {
    pub name: String,
    pub kind: Option<Kind>,
    /// `host:port`
    pub address: String,
    process: Option<Process>,
}

impl Peer {
    /// Starts a server; `None` where its program is not on PATH.
    ///
    /// # Errors
    /// Where it does not get ready.
    pub fn start(kind: Kind, world: &World, home: &Home) -> Result<Option<Peer>> {
        let program = match kind {
            Kind::Host | Kind::HostCached | Kind::HostProfiled => stack::binary("host-adapter")?,
            Kind::Twin => stack::binary("twin")?,
            Kind::Spin | Kind::Wasmtime => {
                let name = if kind == Kind::Spin {
                    "spin"
                } else {
                    "wasmtime"
                };
                match on_path(name) {
                    Some(program) => program,
                    None => return Ok(None),
                }
            }
        };
        let app = application(home)?;
        let port = free_port()?;
        let address = format!("127.0.0.1:{port}");
        let label = kind.name().replace(", ", "-").replace(' ', "-");
        let probe = if kind == Kind::Wasmtime { "/" } else { "/noop" };
        let mut launch = Launch::new(home, &label, program)?
            .cwd(&app)
            .args(arguments(kind, &address))
            .ready(READY, {
                let base = format!("http://{address}");
                move || Client::new(base.clone()).get(probe)?.expect(200).map(drop)
            });
        for (name, value) in world.platform.environment() {
            launch = match *name {
                CACHE_CHANNEL_URL if kind == Kind::HostCached => launch.env(*name, value),
                CACHE_CHANNEL_URL => launch,
                name => launch.env(format!("SPIN_VARIABLE_{name}"), value),
            };
        }
        let process = launch.start()?;
        Ok(Some(Peer {
            name: kind.name().to_owned(),
            kind: Some(kind),
            address,
            process: Some(process),
        }))
    }

    /// A server that runs already, as `NAME=http://host:port`.
    ///
    /// # Errors
    /// Where the text is not of that form.
    pub fn given(text: &str) -> Result<Peer> {
        let form = || format!("--url {text}: not of the form NAME=http://host:port");
        let (name, url) = text.split_once('=').with_context(form)?;
        let address = url.strip_prefix("http://").with_context(form)?;
        let address = address.trim_end_matches('/');
        if name.is_empty() || !address.contains(':') || address.contains('/') {
            bail!(form());
        }
        Ok(Peer {
            name: name.to_owned(),
            kind: None,
            address: address.to_owned(),
            process: None,
        })
    }

    /// Whether it can serve this workload.
    pub fn takes(&self, workload: Workload) -> bool {
        let reads = matches!(
            workload,
            Workload::Noop
                | Workload::Product
                | Workload::ProductUncached
                | Workload::Order
                | Workload::OrderUncached
                | Workload::List
                | Workload::Mixed
        );
        match self.kind {
            Some(Kind::Wasmtime) => workload == Workload::Noop,
            // Only reads are cached.
            Some(Kind::HostCached) => reads && workload != Workload::Noop,
            _ => true,
        }
    }

    /// `None` where it was given by its address.
    pub fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().and_then(Process::pid)
    }

    pub fn memory_bytes(&self) -> u64 {
        self.pid().map(cpu::memory_bytes).unwrap_or_default()
    }
}

fn arguments(kind: Kind, address: &str) -> Vec<String> {
    let own = |arguments: &[&str]| -> Vec<String> {
        arguments.iter().map(|text| (*text).to_owned()).collect()
    };
    let ours = [
        "up",
        "-f",
        "spin.toml",
        "--listen",
        address,
        "--max-connections",
        "16000",
    ];
    match kind {
        Kind::Host | Kind::HostCached => own(&ours),
        Kind::HostProfiled => own(&[&ours[..], &["--perf-map"]].concat()),
        // It answers /noop by itself.
        Kind::Twin => own(&["--spin-toml", "functions.toml", "--listen", address]),
        Kind::Spin => own(&[
            "up",
            "-f",
            "spin.toml",
            "--listen",
            address,
            "--quiet",
            "--state-dir",
            "spin-state",
        ]),
        Kind::Wasmtime => own(&[
            "serve",
            "-Wcomponent-model-async",
            "-Sp3,cli",
            "--addr",
            address,
            "target/components/noop.wasm",
        ]),
    }
}

/// The platform's manifest and components, and the component `noop`.
fn application(home: &Home) -> Result<PathBuf> {
    let app = home.dir("bench-app")?;
    let components = app.join("target/components");
    fs::create_dir_all(&components)?;
    let manifest = fs::read_to_string(component::checkout()?.join("spin.toml"))?;
    // What is measured is how many requests can be served, not how many may be.
    let is_limit = |line: &&str| !line.starts_with("requests_per_second_max");
    let manifest: String = manifest.split_inclusive('\n').filter(is_limit).collect();
    let noop = format!(
        "\n[[trigger.http]]\nroute = \"/{NOOP}\"\ncomponent = \"{NOOP}\"\n\n[component.{NOOP}]\nsource = \"target/components/{NOOP}.wasm\"\n"
    );
    fs::write(app.join("functions.toml"), &manifest)?;
    fs::write(app.join("spin.toml"), manifest + &noop)?;
    for name in component::ALL.iter().chain(&[NOOP]) {
        let file = components.join(format!("{name}.wasm"));
        if !file.exists() {
            fs::copy(component::wasm(name)?, file)?;
        }
    }
    Ok(app)
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let found = env::split_paths(&path).map(|folder| folder.join(name));
    found.into_iter().find(|file: &PathBuf| is_file(file))
}

fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_by_address() {
        let peer = Peer::given("other=http://10.0.0.1:8080/").unwrap();
        assert_eq!(
            (peer.name.as_str(), peer.address.as_str()),
            ("other", "10.0.0.1:8080")
        );
        for bad in [
            "other",
            "=http://a:1",
            "other=a:1",
            "other=http://a",
            "other=http://a:1/x",
        ] {
            assert!(Peer::given(bad).is_err(), "{bad}");
        }
    }
}
