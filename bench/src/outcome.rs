//! The result of a comparison, as lines for the console, a table for readers and JSON for programs.

use crate::peer::Kind;
use crate::sample::shown;
use crate::sample::{Median, Quantiles, Sample};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Results of one workload on all peers.
pub struct Outcome {
    pub workload: &'static str,
    /// Requests a second of the open loop; 0 where there was none.
    pub open_rate: f64,
    pub peers: Vec<PeerOutcome>,
}

/// Results of one peer.
pub struct PeerOutcome {
    pub name: String,
    pub rate: Median,
    /// Medians of the rounds' quantiles in the closed loop.
    pub closed: Quantiles,
    /// The same in the open loop; `None` where the peer's rate is too low for it, or it was not run.
    pub open: Option<Quantiles>,
    /// Microseconds of processor time per reply, medians.
    pub cpu: Vec<(&'static str, f64)>,
    pub memory_bytes: u64,
}

impl PeerOutcome {
    /// Takes the medians of the rounds.
    pub fn of(name: &str, samples: Vec<Sample>) -> PeerOutcome {
        let middle = |of: &dyn Fn(&Sample) -> f64| Median::of(samples.iter().map(of)).middle;
        let latencies: Vec<Quantiles> = samples.iter().map(|sample| sample.latency).collect();
        let names = samples.first().map(|sample| sample.cpu.clone());
        let cpu = names.unwrap_or_default().into_iter().enumerate();
        PeerOutcome {
            name: name.to_owned(),
            rate: Median::of(samples.iter().map(|sample| sample.rate)),
            closed: Quantiles::medians(&latencies),
            open: None,
            cpu: cpu
                .map(|(at, (name, _))| (name, middle(&|sample: &Sample| sample.cpu[at].1)))
                .collect(),
            memory_bytes: middle(&|sample: &Sample| sample.memory_bytes as f64) as u64,
        }
    }

    /// A peer with one round of this rate.
    #[cfg(test)]
    pub fn of_rate(name: &str, rate: f64) -> PeerOutcome {
        let sample = Sample {
            rate,
            latency: Quantiles::default(),
            cpu: Vec::new(),
            memory_bytes: 0,
        };
        PeerOutcome::of(name, vec![sample])
    }

    fn processor(&self) -> String {
        let parts = self
            .cpu
            .iter()
            .filter(|(_, micros)| *micros >= 0.5)
            .map(|(name, micros)| format!("{name} {micros:.0}"));
        parts.collect::<Vec<_>>().join(", ")
    }
}

impl Outcome {
    /// The ratio of a peer's rate to another's.
    pub fn ratio(&self, peer: &str, to: &str) -> Option<f64> {
        let rate = |name: &str| {
            let found = self.peers.iter().find(|peer| peer.name == name)?;
            Some(found.rate.middle).filter(|rate| *rate > 0.0)
        };
        Some(rate(peer)? / rate(to)?)
    }

    pub fn print(&self) {
        println!("{}", self.workload);
        for peer in &self.peers {
            let open = peer.open.map_or(String::new(), |open| {
                format!(", open p99 {} ms", ms(open.p99))
            });
            println!(
                "  {:15} {:>9}/s ({} - {})  p99 {} ms{open}  [{} µs]  {} MiB",
                peer.name,
                shown(peer.rate.middle),
                shown(peer.rate.low),
                shown(peer.rate.high),
                ms(peer.closed.p99),
                peer.processor(),
                peer.memory_bytes >> 20
            );
        }
    }

    /// The workload's section of the report, with a table.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "## {}\n\n| | requests/s | lowest - highest | to the twin | p50 / p99 / p99.9 ms, closed | p50 / p99 / p99.9 ms at {}/s | µs of processor time each | MiB |\n|---|---:|---|---:|---|---|---|---:|\n",
            self.workload,
            shown(self.open_rate)
        );
        for peer in &self.peers {
            let ratio = self
                .ratio(&peer.name, Kind::Twin.name())
                .map_or_else(String::new, |ratio| format!("{ratio:.2}"));
            let _ = writeln!(
                text,
                "| {} | {} | {} - {} | {ratio} | {} | {} | {} | {} |",
                peer.name,
                shown(peer.rate.middle),
                shown(peer.rate.low),
                shown(peer.rate.high),
                quantiles(peer.closed),
                peer.open.map_or_else(String::new, quantiles),
                peer.processor(),
                peer.memory_bytes >> 20
            );
        }
        text
    }

    pub fn json(&self) -> Value {
        let quantiles =
            |of: Quantiles| json!({ "p50_us": of.p50, "p99_us": of.p99, "p999_us": of.p999 });
        let peers = self.peers.iter().map(|peer| {
            json!({
                "name": peer.name,
                "per_second": peer.rate.middle.round(),
                "per_second_low": peer.rate.low.round(),
                "per_second_high": peer.rate.high.round(),
                "to_twin": self.ratio(&peer.name, Kind::Twin.name()).map(rounded),
                "closed": quantiles(peer.closed),
                "open": peer.open.map(quantiles),
                "cpu_us": peer.cpu.iter().map(|(name, micros)| ((*name).to_owned(), json!(rounded(*micros)))).collect::<serde_json::Map<_, _>>(),
                "memory_bytes": peer.memory_bytes,
            })
        });
        json!({
            "workload": self.workload,
            "open_per_second": self.open_rate,
            "peers": peers.collect::<Vec<_>>(),
        })
    }
}

/// Rounds to three places: more is noise.
fn rounded(figure: f64) -> f64 {
    (figure * 1_000.0).round() / 1_000.0
}

fn quantiles(of: Quantiles) -> String {
    format!("{} / {} / {}", ms(of.p50), ms(of.p99), ms(of.p999))
}

fn ms(micros: u64) -> String {
    format!("{:.1}", micros as f64 / 1_000.0)
}

#[cfg(test)]
mod tests;
