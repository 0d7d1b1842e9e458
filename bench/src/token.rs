//! What an access token costs: reads of an order and creates, on two hosts of one platform. One trusts whoever a
//! request names, the other verifies tokens; rounds of each in turn.

use crate::cpu::{self, Cpu, Named};
use crate::load::{self, Load, Pace};
use crate::report::Report;
use crate::wire;
use anyhow::{Context, Result, ensure};
use auth::{Claims, Keys, Scope, token};
use domain::Role;
use platform::shop::placed;
use platform::{Options, Platform};
use stack::Process;
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const STOCK: u32 = 2_000_000_000;
const FIRST_USER: u64 = 3_000_000;
/// Each with a token and an order to read; creates are spread over them.
const USERS: u64 = 256;
/// Seconds.
const TOKEN_LASTS: u64 = 7_200;
/// What functions expect where no variable says another.
const SCOPE: Scope<'_> = Scope {
    issuer: "flashorder",
    audience: "flashorder",
};

/// How large the measurement is.
#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    /// Rounds of token, each of four measurements
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    token_rounds: u16,
    /// Seconds of each measurement of token
    #[arg(long, default_value_t = 4)]
    token_seconds: u64,
    /// Connections of token, each with one request at a time
    #[arg(long, default_value_t = 32)]
    token_connections: usize,
}

/// A user, as each host knows it.
struct User {
    id: u64,
    order: String,
    /// The header with the token.
    authorization: String,
}

/// A host, and whether requests to it have tokens.
struct Host {
    process: Process,
    address: String,
    has_tokens: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Read,
    Create,
}

const WORK: [(Work, &str, f64); 2] = [
    (Work::Read, "order read", 0.93),
    (Work::Create, "create", 0.97),
];

/// A host without limits of users and addresses: the load is few of both.
fn host(platform: &Platform, name: &str, mode: &str) -> Result<Host> {
    let settings = [
        ("AUTH_MODE", mode),
        ("USER_ORDERS_PER_MINUTE_MAX", "0"),
        ("ADDRESS_REQUESTS_PER_SECOND_MAX", "0"),
    ];
    let (process, api) = platform.host_with(name, &settings)?;
    Ok(Host {
        process,
        address: api.base().trim_start_matches("http://").to_owned(),
        has_tokens: mode == "strict",
    })
}

/// # Errors
/// Where the platform does not start, a request is refused, or an order is missing afterwards.
pub fn run(args: &Args) -> Result<Report> {
    let platform = Platform::start(Options::default())?;
    let product = platform.product(STOCK, "redis")?;
    let users: Rc<Vec<User>> = Rc::new(users(&platform, product)?);
    let hosts = [
        host(&platform, "host-trusting", "compat")?,
        host(&platform, "host-verifying", "strict")?,
    ];
    platform.relay.pause();
    let mut report = Report {
        title: "Requests with and without an access token".to_owned(),
        settings: vec![
            ("connections", args.token_connections.to_string()),
            ("users", USERS.to_string()),
            ("load", "one thread on the same machine".to_owned()),
            ("relay", "paused".to_owned()),
        ],
        rows: Vec::new(),
    };
    let (next, mut made) = (Rc::new(Cell::new(0)), USERS);
    for (work, name, wanted) in WORK {
        let mut rounds = [Vec::new(), Vec::new()];
        for _ in 0..args.token_rounds {
            for (host, rounds) in hosts.iter().zip(&mut rounds) {
                let processes: Named = vec![("host", host.process.pid())];
                let before = Cpu::of(&processes);
                let (good, rate) = measure(host, args, work, product, &users, &next)?;
                let spent = before.per(&Cpu::of(&processes), good);
                made += if work == Work::Create { good } else { 0 };
                rounds.push((rate, cpu::shown(&spent)));
            }
        }
        let [(without, without_cpu), (with, with_cpu)] = rounds.map(median);
        let note = format!("median of {} rounds", args.token_rounds);
        let label = |end: &str| format!("{name}, {end}");
        report.row_of(
            label("nobody verified"),
            without,
            "/s",
            note.clone(),
            without_cpu,
        );
        report.row_of(label("with a token"), with, "/s", note, with_cpu);
        let note = format!("at least {wanted} is wanted");
        report.row(
            format!("{name}: with to without"),
            with / without,
            "",
            &note,
        );
    }
    let stored = platform.number(
        "SELECT (SELECT COUNT(*) FROM order_0.t_order) + (SELECT COUNT(*) FROM order_1.t_order)",
    )?;
    ensure!(
        stored >= i64::try_from(made)?,
        "{made} orders were confirmed, and {stored} are stored"
    );
    Ok(report)
}

fn median(mut rounds: Vec<(f64, String)>) -> (f64, String) {
    rounds.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    rounds.swap_remove(rounds.len() / 2)
}

fn users(platform: &Platform, product: u64) -> Result<Vec<User>> {
    let mut variables = platform.environment().iter();
    let keys = variables.find(|(name, _)| *name == "AUTH_KEYS");
    let (_, keys) = keys.context("the platform has no keys")?;
    let keys = Keys::parse(keys)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let user = |id: u64| {
        let claims = Claims {
            subject: id.to_string(),
            role: Role::User,
            issued_at: now,
            expires_at: now + TOKEN_LASTS,
            id: format!("bench-{id}"),
        };
        let token = token::sign(&keys, SCOPE, &claims)?;
        Ok(User {
            id,
            order: placed(&platform.order(id, product, 1)?)?,
            authorization: format!("authorization: Bearer {token}\r\n"),
        })
    };
    (FIRST_USER..FIRST_USER + USERS).map(user).collect()
}

/// Good replies, and how many a second.
fn measure(
    host: &Host,
    args: &Args,
    work: Work,
    product: u64,
    users: &Rc<Vec<User>>,
    next: &Rc<Cell<usize>>,
) -> Result<(u64, f64)> {
    let load = Load {
        address: &host.address,
        connections: args.token_connections,
        pace: Pace::Closed,
        lasts: Duration::from_secs(args.token_seconds),
    };
    let (users, next, has_tokens) = (users.clone(), next.clone(), host.has_tokens);
    let request = move || {
        let number = next.replace(next.get() + 1);
        let user = &users[number % users.len()];
        let authorization = if has_tokens { &user.authorization } else { "" };
        Some(match work {
            Work::Read => wire::get_with(&format!("/v1/order/{}", user.order), authorization),
            Work::Create => {
                let headers = format!("idempotency-key: token-{number}\r\n{authorization}");
                let body = format!(
                    r#"{{"user_id":{},"items":[{{"product_id":{product},"quantity":1}}]}}"#,
                    user.id
                );
                wire::post_with("/v1/order/create", &headers, &body)
            }
        })
    };
    let seen = load::run(&load, request, |_, reply| reply.status == 200)?;
    ensure!(seen.bad == 0, "{} requests were refused", seen.bad);
    Ok((seen.good, seen.rate()))
}
