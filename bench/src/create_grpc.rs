//! `CreateOrder` over gRPC against the same orders over HTTP: rounds of each in turn on one host, whose every order is
//! counted in the databases afterwards.

use crate::cpu::{self, Cpu, Named};
use crate::load::{self, Load, Pace};
use crate::report::Report;
use crate::wire;
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use h2::client::SendRequest;
use platform::{Options, Platform};
use proto::order::v1 as pb;
use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::{LocalSet, spawn_local};

const PRODUCTS: usize = 100;
const STOCK: u32 = 2_000_000_000;
const METHOD: &str = "http://bench/order.v1.OrderService/CreateOrder";

/// How large the measurement is.
#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    /// Rounds of create-grpc, each of HTTP and of gRPC
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    grpc_rounds: u16,
    /// Seconds of a round of create-grpc
    #[arg(long, default_value_t = 5)]
    grpc_seconds: u64,
    /// Connections of create-grpc, each with one request at a time
    #[arg(long, default_value_t = 32)]
    grpc_connections: usize,
}

/// Makes orders that no other round has made.
#[derive(Clone)]
struct Orders {
    products: Rc<Vec<u64>>,
    next: Rc<Cell<u64>>,
}

/// Its number, the buyer, a product and another.
type Order = (u64, u64, u64, u64);

impl Orders {
    fn order(&self) -> Order {
        let number = self.next.replace(self.next.get() + 1);
        let of = |at: u64| self.products[at as usize % self.products.len()];
        (
            number,
            2_000_000 + number % 100_000,
            of(number),
            of(number + 1),
        )
    }
}

/// # Errors
/// Where the platform does not start, or not every good reply is an order in the databases.
pub fn run(args: &Args) -> Result<Report> {
    let platform = Platform::start(Options::default())?;
    let products: Result<Vec<u64>> = (0..PRODUCTS)
        .map(|_| platform.product(STOCK, "redis"))
        .collect();
    let orders = Orders {
        products: Rc::new(products?),
        next: Rc::new(Cell::new(0)),
    };
    let address = platform.api.base().trim_start_matches("http://").to_owned();
    let mut report = Report {
        title: "Orders over gRPC and over HTTP".to_owned(),
        settings: vec![
            ("connections", args.grpc_connections.to_string()),
            ("load", "one thread on the same machine".to_owned()),
            ("relay", "paused".to_owned()),
        ],
        rows: Vec::new(),
    };
    let processes: Named = vec![
        ("host", platform.host.pid()),
        ("MariaDB", platform.mariadb.process.pid()),
        ("Redis", platform.redis.process.pid()),
    ];
    platform.relay.pause();
    let (mut rounds, mut made) = ([Vec::new(), Vec::new()], 0);
    for _ in 0..args.grpc_rounds {
        for (over, rounds) in [over_http, over_grpc].into_iter().zip(&mut rounds) {
            let before = Cpu::of(&processes);
            let (good, rate) = over(&address, args, &orders)?;
            let spent = before.per(&Cpu::of(&processes), good);
            made += good;
            rounds.push((rate, cpu::shown(&spent)));
        }
    }
    let [http, grpc] = rounds.map(|mut rounds| {
        rounds.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        rounds.swap_remove(rounds.len() / 2)
    });
    let note = format!("median of {} rounds", args.grpc_rounds);
    let ((http, http_cpu), (grpc, grpc_cpu)) = (http, grpc);
    report.row_of("create over HTTP", http, "/s", note.clone(), http_cpu);
    report.row_of("CreateOrder over gRPC", grpc, "/s", note, grpc_cpu);
    report.row("gRPC to HTTP", grpc / http, "", "at least 0.9 is wanted");
    let stored = platform.number(
        "SELECT (SELECT COUNT(*) FROM order_0.t_order) + (SELECT COUNT(*) FROM order_1.t_order)",
    )?;
    ensure!(
        stored >= i64::try_from(made)?,
        "{made} orders were confirmed, and {stored} are stored"
    );
    Ok(report)
}

fn over_http(address: &str, args: &Args, orders: &Orders) -> Result<(u64, f64)> {
    let load = Load {
        address,
        connections: args.grpc_connections,
        pace: Pace::Closed,
        lasts: Duration::from_secs(args.grpc_seconds),
    };
    let orders = orders.clone();
    let next = move || {
        let (number, user, first, second) = orders.order();
        let key = format!("idempotency-key: grpc-{number}\r\n");
        let body = format!(
            r#"{{"user_id":{user},"items":[{{"product_id":{first},"price":99.99,"quantity":1}},{{"product_id":{second},"price":99.99,"quantity":2}}]}}"#
        );
        Some(wire::post_with("/v1/order/create", &key, &body))
    };
    let seen = load::run(&load, next, |_, reply| reply.status == 200)?;
    ensure!(seen.bad == 0, "{} orders were refused over HTTP", seen.bad);
    Ok((seen.good, seen.rate()))
}

fn over_grpc(address: &str, args: &Args, orders: &Orders) -> Result<(u64, f64)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let lasts = Duration::from_secs(args.grpc_seconds);
    LocalSet::new().block_on(&runtime, async {
        let mut connections = Vec::with_capacity(args.grpc_connections);
        for _ in 0..args.grpc_connections {
            connections.push(connect(address).await?);
        }
        let begin = Instant::now();
        let tasks: Vec<_> = connections
            .into_iter()
            .map(|mut connection| {
                let orders = orders.clone();
                spawn_local(async move {
                    let mut good = 0;
                    while begin.elapsed() < lasts {
                        connection = call(connection, orders.order()).await?;
                        good += 1;
                    }
                    anyhow::Ok(good)
                })
            })
            .collect();
        let mut good = 0;
        for task in tasks {
            good += task.await??;
        }
        Ok((good, good as f64 / begin.elapsed().as_secs_f64()))
    })
}

async fn connect(address: &str) -> Result<SendRequest<Bytes>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (client, connection) = h2::client::handshake(stream).await?;
    spawn_local(connection);
    Ok(client)
}

/// One call; its order is placed.
async fn call(
    client: SendRequest<Bytes>,
    (number, user, first, second): Order,
) -> Result<SendRequest<Bytes>> {
    let mut client = client.ready().await?;
    let request = http::Request::post(METHOD)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("idempotency-key", format!("grpc-{number}"))
        .body(())?;
    let (response, mut body) = client.send_request(request, false)?;
    body.send_data(message(user, first, second), true)?;
    let mut body = response.await?.into_body();
    while let Some(data) = body.data().await {
        let length = data?.len();
        body.flow_control().release_capacity(length)?;
    }
    let trailers = poll_fn(|cx| body.poll_trailers(cx)).await?;
    let trailers = trailers.context("a reply without trailers")?;
    ensure!(trailers["grpc-status"] == "0", "{trailers:?}");
    Ok(client)
}

fn message(user: u64, first: u64, second: u64) -> Bytes {
    let line = |product: u64, quantity| pb::OrderItem {
        product_id: product as i64,
        price: 99.99,
        quantity,
        ..pb::OrderItem::default()
    };
    let message = prost::Message::encode_to_vec(&pb::CreateOrderRequest {
        user_id: user as i64,
        items: vec![line(first, 1), line(second, 2)],
        ..pb::CreateOrderRequest::default()
    });
    let length = (message.len() as u32).to_be_bytes();
    [&[0], &length[..], &message].concat().into()
}
