//! `cargo xtask up`: from a bare machine to a running platform, with the cheapest checks first: lock, ports, tools,
//! build, servers, schema, programs, sample products.

mod banner;
mod catalogue;
mod machines;
mod platform;
mod users;
mod watch;

use crate::INTERRUPTED;
use crate::build;
use crate::checkout::{Checkout, RELEASE, Workspace};
use crate::console;
use crate::lock::Lock;
use crate::relay;
use crate::servers::Servers;
use crate::tools;
use crate::urls::Urls;
use anyhow::{Context, Result, bail};
use machines::Payments;
use platform::{Mode, Platform};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use stack::{Process, interrupted, port};
use std::net::SocketAddr;
use std::thread;

/// Own servers instead of private ones: MYSQL_URLS (one per order shard, parted by commas) with
/// INVENTORY_URL and USERS_URL, REDIS_URL, KAFKA_BROKERS, ELASTICSEARCH_URL. RABBITMQ_URL is used where it is set.
#[derive(clap::Args)]
#[command(after_help = OWN_SERVERS)]
pub struct Args {
    /// Real Kafka and Elasticsearch too, instead of the embedded broker and no search index
    #[arg(long)]
    full: bool,
    /// Programs as fast as they can be: the first build takes longer than that of the tests, which is used otherwise
    #[arg(long)]
    release: bool,
    /// Trust the user that a request names, without access tokens: for old clients and load tests on this machine
    #[arg(long)]
    compat: bool,
    /// Where the API listens; may be given several times
    #[arg(long, value_name = "ADDRESS:PORT", default_values = ["127.0.0.1:8081", "127.0.0.1:8082"])]
    listen: Vec<SocketAddr>,
    /// More addresses of the API, where gRPC clients look for it; every address serves everything
    #[arg(long, value_name = "ADDRESS:PORT", default_values = ["127.0.0.1:50051", "127.0.0.1:50052"])]
    grpc_listen: Vec<SocketAddr>,
    /// Where the host's metrics are
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9081")]
    host_metrics: SocketAddr,
    /// Where the relay's metrics are
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9082")]
    relay_metrics: SocketAddr,
}

const OWN_SERVERS: &str = "\
Environment: a server named here is used instead of a private one.
  MYSQL_URLS         mysql://USER:PASSWORD@HOST:PORT/NAME, one per order shard, parted by commas
  INVENTORY_URL      the same for the inventory database; goes with MYSQL_URLS
  USERS_URL          the same for the user database; goes with MYSQL_URLS, unless with --compat
  REDIS_URL          redis://HOST:PORT/0
  KAFKA_BROKERS      HOST:PORT[,HOST:PORT]
  ELASTICSEARCH_URL  http://HOST:PORT
  RABBITMQ_URL       amqp://USER:PASSWORD@HOST:PORT/VHOST; without it there is no RabbitMQ";

/// Starts everything, waits for Ctrl-C, stops everything.
///
/// # Errors
/// When something cannot be installed, built or started, or keeps dying; what was started is
/// stopped first.
pub fn run(checkout: &Checkout, args: &Args) -> Result<()> {
    let lock = Lock::take(checkout)?;
    let given = Urls::from_env()?;
    let mode = mode(args, &given)?;
    check_ports(args)?;
    tools::for_building(checkout)?;
    let mut workspace = checkout.workspace()?;
    if args.release {
        workspace.profile = RELEASE;
    }
    say_how_long(&workspace);
    build::programs(checkout, workspace.profile, &[])?;
    build::components(checkout, &workspace)?;
    stop_on_signals()?;
    let servers = Servers::start(&checkout.run_dir(), given, args.full)?;
    relay::migrate(&workspace, &servers.urls)?;
    let addresses = platform::Addresses {
        listen: &args.listen,
        grpc: &args.grpc_listen,
        host_metrics: args.host_metrics,
        relay_metrics: args.relay_metrics,
    };
    let users = users::add(checkout, &workspace, &servers.urls)?;
    let api = platform::reachable(&args.listen)?;
    let payments = Payments::start(checkout, api)?;
    let urls = &servers.urls;
    let platform = Platform::start(checkout, &workspace, urls, &addresses, mode, &payments)?;
    let before = Urls::load(&checkout.run_dir()).ok();
    if servers.urls.have_new_elasticsearch(before.as_ref()) {
        relay::reindex(&workspace, &servers.urls)?;
    }
    // Saved last: a run that fails before this has not indexed into its Elasticsearch.
    servers.urls.save(&checkout.run_dir())?;
    catalogue::offer(api, || users.admin(api, mode))?;
    banner::print(&addresses, &servers, &users, &payments, mode);
    let processes: Vec<&Process> = platform.processes().chain(servers.processes()).collect();
    let watched = watch::until_interrupted(&processes);
    console::line("\nstopping; data stays under .run/");
    let stopped = stop(&platform, &servers);
    drop(lock);
    watched.and(stopped)
}

/// How callers are known: in somebody's own databases there must be one for users.
fn mode(args: &Args, given: &Urls) -> Result<Mode> {
    if args.compat {
        let other = args.listen.iter().chain(&args.grpc_listen);
        if let Some(other) = other.clone().find(|address| !address.ip().is_loopback()) {
            bail!("--compat listens on loopback only, and not on {other}");
        }
        return Ok(Mode::Compat);
    }
    if !given.mysql.is_empty() && given.users.is_empty() {
        bail!(
            "MYSQL_URLS is set but USERS_URL is not: name the user database too, or use --compat"
        );
    }
    Ok(Mode::Strict)
}

/// Says how long a first build takes. Measured on 2 cores (docs/bench/first-start.md).
fn say_how_long(workspace: &Workspace) {
    if workspace.program("host-adapter").exists() {
        return;
    }
    let minutes = match workspace.profile == RELEASE {
        true => "half an hour",
        false => "10 minutes",
    };
    console::line(format_args!(
        "first start: downloads and builds for about {minutes} on 2 cores, less on more; the next start takes seconds"
    ));
}

/// After this a first signal ends waits in order; a second one ends this program, and the kernel signals its children.
fn stop_on_signals() -> Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // This one first: it must read the flag before the other sets it.
        signal_hook::flag::register_conditional_shutdown(
            signal,
            INTERRUPTED.into(),
            interrupted().clone(),
        )
        .and_then(|_| signal_hook::flag::register(signal, interrupted().clone()))
        .context("cannot handle signals")?;
    }
    Ok(())
}

fn check_ports(args: &Args) -> Result<()> {
    let metrics = [
        ("--host-metrics", args.host_metrics),
        ("--relay-metrics", args.relay_metrics),
    ];
    let listen = args.listen.iter().map(|address| ("--listen", *address));
    let grpc = args.grpc_listen.iter();
    let grpc = grpc.map(|address| ("--grpc-listen", *address));
    for (flag, address) in listen.chain(grpc).chain(metrics) {
        if std::net::TcpListener::bind(address).is_err() {
            let port = address.port();
            match port::owner(port) {
                Some(owner) => {
                    bail!("port {port} is taken by {owner}: free it or give another {flag}")
                }
                None => bail!("cannot listen on {address}: give another {flag}"),
            }
        }
    }
    Ok(())
}

/// Stops host and relay first, so that work in flight still has its servers.
fn stop(platform: &Platform, servers: &Servers) -> Result<()> {
    let mut failures = Vec::new();
    for process in platform.processes() {
        failures.extend(console::step(process.name(), |_| process.stop()).err());
    }
    // Servers do not depend on one another.
    thread::scope(|scope| {
        let stops: Vec<_> = servers
            .processes()
            .map(|process| scope.spawn(|| console::step(process.name(), |_| process.stop())))
            .collect();
        failures.extend(stops.into_iter().filter_map(|stop| stop.join().ok()?.err()));
    });
    failures.into_iter().next().map_or(Ok(()), Err)
}
