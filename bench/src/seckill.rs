//! A flash sale under load: tokens, a peak of purchases, a held rate with its backlog, refusals once it is sold out,
//! and the delay until an accepted purchase can be read. Every accepted order id is looked up in the databases
//! afterwards.

use crate::bearer::{self, Bearer, purchase};
use crate::cpu::{self, Cpu};
use crate::load::{self, Load, Pace, Seen};
use crate::report::Report;
use crate::wire::{self, Connection};
use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use platform::sale::Sale;
use platform::{Options, Platform, SHARDS};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How large the measurement is.
#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    /// Connections of a flash sale's closed loops
    #[arg(long, default_value_t = 128)]
    sale_connections: usize,
    /// Seconds of the peak
    #[arg(long, default_value_t = 10)]
    peak_seconds: u64,
    /// Seconds of the held rate
    #[arg(long, default_value_t = 60)]
    hold_seconds: u64,
    /// Purchases a second of the held rate
    #[arg(long, default_value_t = 10_000)]
    hold_rate: u32,
    /// Purchases a second while accepted orders are polled
    #[arg(long, default_value_t = 1_000)]
    poll_rate: u32,
}

const POLL_SECONDS: u64 = 10;
/// As a patient client polls: every 20 ms, the polls of 1,000 buyers/s alone would exceed what the machine can answer.
const POLL_EVERY: Duration = Duration::from_millis(50);
const SOLD_OUT_BUYERS: usize = 2_000;
/// Longest wait for the writer to catch up.
const DRAIN: Duration = Duration::from_secs(180);

struct Bench {
    platform: Platform,
    address: String,
    connections: usize,
    next_user: u64,
}

/// # Errors
/// Where the platform does not start, a reply is not what it should be, or an accepted order is missing.
pub fn run(args: &Args) -> Result<Report> {
    let platform = Platform::start(Options {
        relay_gives_way: true,
        ..Options::default()
    })?;
    let address = platform.api.base().trim_start_matches("http://").to_owned();
    let mut bench = Bench {
        platform,
        address,
        connections: args.sale_connections,
        next_user: 1_000_000,
    };
    let mut report = Report {
        title: "Flash sale".to_owned(),
        settings: vec![
            ("connections", args.sale_connections.to_string()),
            ("load", "one thread on the same machine".to_owned()),
            (
                "MySQL durability",
                "innodb_flush_log_at_trx_commit=1".to_owned(),
            ),
            ("Redis durability", bench.redis_fsync()?),
            ("broker", "embedded".to_owned()),
            (
                "relay",
                format!("at nice {}, as `up` starts it", stack::NICENESS),
            ),
        ],
        rows: Vec::new(),
    };
    bench.peak(args, &mut report)?;
    bench.hold(args, &mut report)?;
    bench.poll(args, &mut report)?;
    bench.sold_out(args, &mut report)?;
    let table = bench.platform.reconcile()?;
    println!("{table}");
    Ok(report)
}

impl Bench {
    fn redis_fsync(&self) -> Result<String> {
        let mut redis = self.platform.redis_connection()?;
        let (_, value): (String, String) = redis::cmd("CONFIG")
            .arg("GET")
            .arg("appendfsync")
            .query(&mut redis)?;
        Ok(format!("appendfsync {value}"))
    }

    /// Gets tokens for this many new buyers; the tokens, measurements, and processor times.
    fn tokens(&mut self, sale: &Sale, buyers: usize) -> Result<(Vec<Bearer>, Seen, String)> {
        let (first, last) = (self.next_user, self.next_user + buyers as u64);
        self.next_user = last;
        let load = self.closed(Duration::from_secs(600));
        let buyers: Vec<u64> = (first..last).collect();
        self.with_cpu(|| bearer::tokens(&load, &sale.id, buyers.into_iter()))
    }

    /// Also measures the processor time per good reply of each process.
    fn with_cpu<T>(&self, run: impl FnOnce() -> Result<(T, Seen)>) -> Result<(T, Seen, String)> {
        let processes = vec![
            ("host", self.platform.host.pid()),
            ("relay", self.platform.relay.pid()),
            ("MariaDB", self.platform.mariadb.process.pid()),
            ("Redis", self.platform.redis.process.pid()),
        ];
        let before = Cpu::of(&processes);
        let (outcome, seen) = run()?;
        let spent = before.per(&Cpu::of(&processes), seen.good);
        Ok((outcome, seen, cpu::shown(&spent)))
    }

    fn closed(&self, lasts: Duration) -> Load<'_> {
        Load {
            address: &self.address,
            connections: self.connections,
            pace: Pace::Closed,
            lasts,
        }
    }

    /// Each bearer buys once; returns the accepted purchases as (buyer, order).
    fn buy(&self, load: &Load<'_>, bearers: Vec<Bearer>) -> Result<(Vec<(u64, String)>, Seen)> {
        let mut bearers = bearers.into_iter();
        let next = move || bearers.next().map(|bearer| purchase(&bearer));
        let accepted = Rc::new(RefCell::new(Vec::new()));
        let keep = accepted.clone();
        let judge = move |request: &[u8], reply: &wire::Reply<'_>| {
            let order = wire::text_field(reply.body, "order_id").filter(|_| reply.status == 202);
            let user = buyer_of(request);
            let (Some(order), Some(user)) = (order, user) else {
                return false;
            };
            keep.borrow_mut().push((user, order.to_owned()));
            true
        };
        let seen = load::run(load, next, judge)?;
        Ok((accepted.take(), seen))
    }

    fn peak(&mut self, args: &Args, report: &mut Report) -> Result<()> {
        let buyers = 25_000 * args.peak_seconds as usize;
        let sale = self.platform.sale(buyers as u32 + 1, 1)?;
        let (bearers, tokens, cpu) = self.tokens(&sale, buyers)?;
        report.row_of("tokens", tokens.rate(), "/s", latencies(&tokens), cpu);
        let load = self.closed(Duration::from_secs(args.peak_seconds));
        let begin = Instant::now();
        let (accepted, seen, cpu) = self.with_cpu(|| self.buy(&load, bearers))?;
        report.row_of(
            "purchases accepted, peak",
            seen.rate(),
            "/s",
            latencies(&seen),
            cpu,
        );
        ensure!(seen.bad == 0, "{} purchases were not accepted", seen.bad);
        self.drained(&sale, accepted.len())?;
        let durable = accepted.len() as f64 / begin.elapsed().as_secs_f64();
        self.published()?;
        let published = accepted.len() as f64 / begin.elapsed().as_secs_f64();
        let note = format!("{} orders", accepted.len());
        report.row(
            "orders durable, peak and drain",
            durable,
            "/s",
            note.clone(),
        );
        report.row("orders published and in the stock", published, "/s", note);
        self.all_there(&accepted)
    }

    /// The held rate: the writer must keep up, so the number of unwritten orders must not grow.
    fn hold(&mut self, args: &Args, report: &mut Report) -> Result<()> {
        let buyers = args.hold_rate as usize * args.hold_seconds as usize;
        let sale = self.platform.sale(buyers as u32 + 1, 1)?;
        let (bearers, _, _) = self.tokens(&sale, buyers)?;
        let load = Load {
            pace: Pace::Open {
                per_second: args.hold_rate,
                warm_up: Duration::ZERO,
            },
            ..self.closed(Duration::from_secs(args.hold_seconds))
        };
        let over = AtomicBool::new(false);
        let (bought, backlog) = thread::scope(|scope| {
            let watch = scope.spawn(|| self.watch_backlog(&sale, &over));
            let bought = self.with_cpu(|| self.buy(&load, bearers));
            over.store(true, Ordering::Relaxed);
            (bought, watch.join())
        });
        let (accepted, seen, cpu) = bought?;
        let backlog = backlog.map_err(|_| anyhow::anyhow!("the watcher panicked"))??;
        report.row_of(
            "purchases accepted, held",
            seen.rate(),
            "/s",
            latencies(&seen),
            cpu,
        );
        let (middle, end) = (backlog.len() / 2, backlog.len());
        let mean = |range: &[i64]| range.iter().sum::<i64>() as f64 / range.len().max(1) as f64;
        let (early, late) = (mean(&backlog[..middle]), mean(&backlog[middle..end]));
        let note = format!("{early:.0} in the first half of {} s", args.hold_seconds);
        report.row(
            "accepted and not yet durable, 2nd half",
            late,
            "orders",
            note,
        );
        let begin = Instant::now();
        self.drained(&sale, accepted.len())?;
        report.row(
            "drain after the held rate",
            begin.elapsed().as_secs_f64(),
            "s",
            format!("{} orders", accepted.len()),
        );
        let lag = self.published()?;
        report.row("until all of it is published", lag.as_secs_f64(), "s", "");
        self.all_there(&accepted)
    }

    /// The length of the sale's intake stream, four times a second.
    fn watch_backlog(&self, sale: &Sale, over: &AtomicBool) -> Result<Vec<i64>> {
        let mut redis = self.platform.redis_connection()?;
        let stream = format!("{{p{}}}:intake", sale.product);
        let mut lengths = Vec::new();
        while !over.load(Ordering::Relaxed) {
            lengths.push(redis::cmd("XLEN").arg(&stream).query(&mut redis)?);
            thread::park_timeout(Duration::from_millis(250));
        }
        Ok(lengths)
    }

    /// At a moderate rate, polls each accepted purchase until it is an order.
    fn poll(&mut self, args: &Args, report: &mut Report) -> Result<()> {
        let buyers = args.poll_rate as usize * POLL_SECONDS as usize;
        let sale = self.platform.sale(buyers as u32 + 1, 1)?;
        let (bearers, _, _) = self.tokens(&sale, buyers)?;
        let waits = poll_all(&self.address, args.poll_rate, bearers)?;
        ensure!(
            waits.len() as usize == buyers,
            "{} of {buyers} became orders",
            waits.len()
        );
        let ms = |share: f64| waits.value_at_quantile(share) as f64 / 1_000.0;
        let note = format!("p50 {:.1} ms, {} purchases/s", ms(0.5), args.poll_rate);
        report.row("202 to a readable order, p99", ms(0.99), "ms", note);
        Ok(())
    }

    fn sold_out(&mut self, args: &Args, report: &mut Report) -> Result<()> {
        let sale = self.platform.sale(1, 1)?;
        let (mut bearers, _, _) = self.tokens(&sale, SOLD_OUT_BUYERS)?;
        let winner = bearers.pop().context("no buyer")?;
        let load = Load {
            connections: 1,
            ..self.closed(Duration::from_secs(5))
        };
        let (accepted, _) = self.buy(&load, vec![winner])?;
        ensure!(accepted.len() == 1, "the only unit was not sold");
        let requests: Vec<Vec<u8>> = bearers.iter().map(purchase).collect();
        let mut at = 0;
        let next = move || {
            at += 1;
            Some(requests[at % requests.len()].clone())
        };
        let refused = |_: &[u8], reply: &wire::Reply<'_>| {
            reply.status == 409 && reply.body.windows(5).any(|part| part == b"40002")
        };
        let load = self.closed(Duration::from_secs(args.peak_seconds));
        let ((), seen, cpu) = self.with_cpu(|| Ok(((), load::run(&load, next, refused)?)))?;
        ensure!(
            seen.bad == 0,
            "{} were not told that it is sold out",
            seen.bad
        );
        report.row_of(
            "refused, sold out",
            seen.rate(),
            "/s",
            latencies(&seen),
            cpu,
        );
        Ok(())
    }

    /// Waits until all orders are published and in the stock, so that the next phase has the machine to itself.
    fn published(&self) -> Result<Duration> {
        let begin = Instant::now();
        stack::wait_ok(DRAIN, "every order to be published", || {
            let mut rows = 0;
            for shard in 0..SHARDS {
                rows += self.platform.number(&format!(
                    "SELECT COUNT(*) FROM order_{shard}.t_local_message WHERE status IN (0, 1)"
                ))?;
            }
            ensure!(rows == 0, "{rows} rows are on their way");
            Ok(())
        })?;
        Ok(begin.elapsed())
    }

    /// Waits until every accepted purchase of a sale is a row in MySQL.
    fn drained(&self, sale: &Sale, orders: usize) -> Result<()> {
        stack::wait_ok(DRAIN, "every purchase to be an order", || {
            let mut rows = 0;
            for shard in 0..SHARDS {
                rows += self.platform.number(&format!(
                    "SELECT COUNT(*) FROM order_{shard}.idempotency_records WHERE seckill_id = '{}'",
                    sale.id
                ))?;
            }
            ensure!(rows == orders as i64, "{rows} of {orders}");
            Ok(())
        })
    }

    /// Checks that every accepted order id is an order of its buyer.
    fn all_there(&self, accepted: &[(u64, String)]) -> Result<()> {
        for shard in 0..SHARDS {
            let own: Vec<&(u64, String)> = accepted
                .iter()
                .filter(|(user, _)| user % SHARDS == shard)
                .collect();
            for chunk in own.chunks(1_000) {
                let pairs: Vec<String> = chunk
                    .iter()
                    .map(|(user, order)| format!("({order},{user})"))
                    .collect();
                let found = self.platform.number(&format!(
                    "SELECT COUNT(*) FROM order_{shard}.t_order WHERE (id, user_id) IN ({})",
                    pairs.join(",")
                ))?;
                ensure!(
                    found == chunk.len() as i64,
                    "{} accepted orders are missing",
                    chunk.len() as i64 - found
                );
            }
        }
        Ok(())
    }
}

fn buyer_of(request: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(request).ok()?;
    let (_, rest) = text.split_once("\"user_id\":")?;
    rest.split_once(',')?.0.parse().ok()
}

fn latencies(seen: &Seen) -> String {
    format!(
        "p50 {:.1} ms, p99 {:.1} ms, {} replies",
        seen.quantile_ms(0.5),
        seen.quantile_ms(0.99),
        seen.good
    )
}

/// Buys at a rate, and polls each order until it is pending. Microseconds from the 202 until then.
fn poll_all(address: &str, per_second: u32, bearers: Vec<Bearer>) -> Result<Histogram<u64>> {
    const WORKERS: usize = 256;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let waits = Rc::new(RefCell::new(Histogram::<u64>::new_with_bounds(
        1, 60_000_000, 3,
    )?));
    let begin = Instant::now();
    let queue: VecDeque<(Instant, Bearer)> = bearers
        .into_iter()
        .enumerate()
        .map(|(at, bearer)| {
            (
                begin + Duration::from_secs_f64(at as f64 / f64::from(per_second)),
                bearer,
            )
        })
        .collect();
    let queue = Rc::new(RefCell::new(queue));
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let mut workers = Vec::with_capacity(WORKERS);
        for _ in 0..WORKERS {
            let mut connection = Connection::open(address).await?;
            let (queue, waits) = (queue.clone(), waits.clone());
            workers.push(tokio::task::spawn_local(async move {
                loop {
                    let next = queue.borrow_mut().pop_front();
                    let Some((due, bearer)) = next else {
                        return anyhow::Ok(());
                    };
                    tokio::time::sleep_until(due.into()).await;
                    let wait = buy_and_poll(&mut connection, &bearer).await?;
                    waits
                        .borrow_mut()
                        .saturating_record(wait.as_micros() as u64);
                }
            }));
        }
        for worker in workers {
            worker.await??;
        }
        anyhow::Ok(())
    })?;
    let waits = waits.borrow().clone();
    Ok(waits)
}

async fn buy_and_poll(connection: &mut Connection, bearer: &Bearer) -> Result<Duration> {
    let reply = connection.send(&purchase(bearer)).await?;
    ensure!(
        reply.status == 202,
        "a purchase was answered {}",
        reply.status
    );
    let order = wire::text_field(reply.body, "order_id").context("no order_id")?;
    let poll = wire::get(&format!("/v1/order/{order}"));
    let accepted = Instant::now();
    loop {
        let reply = connection.send(&poll).await?;
        ensure!(
            reply.status == 200,
            "an accepted order was answered {}",
            reply.status
        );
        if wire::text_field(reply.body, "status") == Some("pending") {
            return Ok(accepted.elapsed());
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}
