//! Where the host's processor time goes: `perf` samples it under a closed loop. The stacks become a flame graph, the
//! running functions a table of layers. Stacks are complete only in a build with frame pointers (docs/performance.md).

use crate::compare::{self, Args};
use crate::peer::{Kind, Peer};
use crate::report::Report;
use crate::workload::Workload;
use crate::world::World;
use anyhow::{Context, Result, ensure};
use inferno::collapse::Collapse;
use inferno::collapse::perf::{Folder, Options as Folding};
use inferno::flamegraph::{self, Options as Drawing};
use rustc_demangle::demangle;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Samples a second on each processor; does not divide the timers' rates.
const SAMPLES: &str = "499";
/// Stacks with a smaller share of the samples are not drawn.
const DRAWN_SHARE_MIN: f64 = 0.002;

/// Layers by parts of function names; the first that matches gets the sample.
const LAYERS: [(&str, &[&str]); 10] = [
    ("kernel", &["_[k]"]),
    ("components", &["_[j]"]),
    (
        "memory",
        &["mi_", "memmove", "memcpy", "memset", "malloc", "free"],
    ),
    (
        "component model: tasks and streams",
        &["component::concurrent"],
    ),
    (
        "component model: calls, values, handles",
        &["wasmtime::runtime::component"],
    ),
    ("wasmtime: stores, fibers, traps", &["wasmtime"]),
    ("MySQL driver", &["mysql"]),
    ("Redis driver", &["redis", "combine"]),
    ("HTTP", &["hyper", "http"]),
    ("tasks and timers", &["tokio", "futures", "mio::"]),
];
const OTHERS: &str = "the host's own and other";

/// Profiles the host on each workload; the graphs go to `out`.
///
/// # Errors
/// Where `perf` is missing or not permitted, the platform does not start, or a reply is wrong.
pub fn run(args: &Args, workloads: &[Workload], out: &Path) -> Result<Report> {
    let seconds = args.seconds * args.rounds as u64;
    let mut report = Report {
        title: "Where the host's processor time goes".to_owned(),
        settings: vec![
            ("samples a second of each processor", SAMPLES.to_owned()),
            ("seconds", seconds.to_string()),
            ("connections", args.connections.to_string()),
        ],
        rows: Vec::new(),
    };
    let mut world = World::new()?;
    let home = stack::Home::temporary()?;
    let peer = Peer::start(Kind::HostProfiled, &world, &home)?.context("no host")?;
    fs::create_dir_all(out)?;
    for workload in workloads {
        let name = workload.name();
        compare::round(args, *workload, &peer, &mut world, Duration::from_secs(1))?;
        let recorded = home.path().join(format!("{name}.data"));
        let mut perf = Command::new("perf")
            .args(["record", "-q", "-F", SAMPLES, "--call-graph", "fp", "-p"])
            .arg(peer.pid().context("no host")?.to_string())
            .arg("-o")
            .arg(&recorded)
            .args(["sleep", &seconds.to_string()])
            .stdin(Stdio::null())
            .spawn()
            .context("cannot run perf")?;
        let sample = compare::round(
            args,
            *workload,
            &peer,
            &mut world,
            Duration::from_secs(seconds + 1),
        )?;
        ensure!(perf.wait()?.success(), "perf could not watch the host");
        let stacks = folded(&recorded)?;
        let micros = sample.cpu.first().map_or(0.0, |(_, micros)| *micros);
        for (layer, share) in layers(&stacks) {
            let each = format!("{:.1} µs of {micros:.0}", micros * share);
            report.row(format!("{name}: {layer}"), share * 100.0, "%", each);
        }
        draw(&stacks, name, &out.join(format!("flame-{name}.svg")))?;
    }
    Ok(report)
}

/// The stacks that `perf` recorded, as `frame;frame;… count` with readable names.
fn folded(recorded: &Path) -> Result<Vec<String>> {
    let text = recorded.with_extension("txt");
    let scripted = Command::new("perf")
        .args(["script", "--no-inline", "-i"])
        .arg(recorded)
        .stdin(Stdio::null())
        .stdout(File::create(&text)?)
        .stderr(Stdio::null())
        .status()
        .context("cannot run perf")?;
    ensure!(scripted.success(), "perf cannot read its record");
    let mut options = Folding::default();
    options.annotate_jit = true;
    options.annotate_kernel = true;
    let mut stacks = Vec::new();
    Folder::from(options)
        .collapse(BufReader::new(File::open(&text)?), &mut stacks)
        .context("what perf wrote is not understood")?;
    let stacks = String::from_utf8(stacks)?;
    Ok(stacks.lines().map(readable).collect())
}

/// Demangles the frames and drops the thread's name.
fn readable(stack: &str) -> String {
    let frame = |frame: &str| {
        let (name, kind) = match frame.rfind("_[") {
            Some(at) => frame.split_at(at),
            None => (frame, ""),
        };
        format!("{:#}{kind}", demangle(name)).replace(';', ":")
    };
    match stack.rsplit_once(' ') {
        Some((frames, count)) => {
            // The first is the thread's name; all threads do the same.
            let frames: Vec<String> = frames.split(';').skip(1).map(frame).collect();
            format!("{} {count}", frames.join(";"))
        }
        None => stack.to_owned(),
    }
}

/// Share of each layer, the largest first.
fn layers(stacks: &[String]) -> Vec<(&'static str, f64)> {
    let mut counts: BTreeMap<&str, f64> = BTreeMap::new();
    for stack in stacks {
        let Some((frames, count)) = stack.rsplit_once(' ') else {
            continue;
        };
        let running = frames.rsplit(';').next().unwrap_or(frames);
        *counts.entry(layer(running)).or_default() += count.parse().unwrap_or(0.0);
    }
    let all: f64 = counts.values().sum();
    let mut shares: Vec<_> = counts
        .into_iter()
        .map(|(layer, count)| (layer, count / all.max(1.0)))
        .collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    shares
}

fn layer(function: &str) -> &'static str {
    let found = LAYERS
        .iter()
        .find(|(_, parts)| parts.iter().any(|part| function.contains(part)));
    found.map_or(OTHERS, |(layer, _)| layer)
}

fn draw(stacks: &[String], name: &str, path: &Path) -> Result<()> {
    let mut options = Drawing::default();
    options.title = format!("host-adapter: {name}");
    options.count_name = "samples".to_owned();
    options.min_width = DRAWN_SHARE_MIN * 100.0;
    let lines = stacks.iter().map(String::as_str);
    flamegraph::from_lines(&mut options, lines, File::create(path)?)
        .with_context(|| format!("cannot draw {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_fall_into_layers() {
        let stacks: Vec<String> = [
            "serve-0;main;tcp_sendmsg_[k] 30",
            "serve-0;main;_ZN5guest5redis5Redis6script17h2cc3cd280e43a706E_[j] 50",
            "serve-0;main;mi_free 15",
            "serve-0;main;host_adapter::router::Router::route 5",
        ]
        .map(readable)
        .into();
        assert_eq!(stacks[1], "main;guest::redis::Redis::script_[j] 50");
        assert_eq!(
            layers(&stacks),
            [
                ("components", 0.5),
                ("kernel", 0.3),
                ("memory", 0.15),
                (OTHERS, 0.05)
            ]
        );
    }
}
