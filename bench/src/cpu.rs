//! Processor time and memory of processes, so that costs can be attributed to them.

use std::fs;
use std::time::Duration;

/// Ticks per second in `/proc`: a constant of Linux' interface.
const TICKS_PER_SECOND: u64 = 100;
/// Page size of all machines that this runs on.
const PAGE_BYTES: u64 = 4_096;

/// Process ids by displayed name.
pub type Named = Vec<(&'static str, Option<u32>)>;

/// Processor time of each process since its start, including children that ended.
pub struct Cpu(Vec<(&'static str, Duration)>);

impl Cpu {
    /// Of these processes with their children, and of this process, which generates the load, as `load`.
    pub fn of(processes: &Named) -> Cpu {
        let mut all: Vec<_> = processes
            .iter()
            .map(|(name, pid)| (*name, pid.map(spent_with_children).unwrap_or_default()))
            .collect();
        all.push(("load", spent(std::process::id()).unwrap_or_default()));
        Cpu(all)
    }

    /// Microseconds per operation since then, by process.
    pub fn per(&self, now: &Cpu, operations: u64) -> Vec<(&'static str, f64)> {
        let parts = self.0.iter().zip(&now.0).map(|((name, then), (_, now))| {
            let micros = now.saturating_sub(*then).as_micros() as f64;
            (*name, micros / operations.max(1) as f64)
        });
        parts.collect()
    }
}

/// As shown in a table row.
pub fn shown(parts: &[(&'static str, f64)]) -> String {
    let parts = parts
        .iter()
        .map(|(name, micros)| format!("{name} {micros:.0}"));
    parts.collect::<Vec<_>>().join(", ")
}

fn spent_with_children(pid: u32) -> Duration {
    let below = children(pid).into_iter().map(spent_with_children);
    spent(pid).unwrap_or_default() + below.sum::<Duration>()
}

fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    list.unwrap_or_default()
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .collect()
}

/// Of a process and of its ended children: `wrk` is a child of this process.
fn spent(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may contain spaces; user and system times are fields 14 to 17.
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields = rest.split(' ').skip(11).take(4);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

/// Resident memory of a process and of its children.
pub fn memory_bytes(pid: u32) -> u64 {
    let pages = fs::read_to_string(format!("/proc/{pid}/statm"))
        .ok()
        .and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
    let below: u64 = children(pid).into_iter().map(memory_bytes).sum();
    pages.unwrap_or_default() * PAGE_BYTES + below
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_has_worked() {
        let before = super::spent(std::process::id()).unwrap();
        let mut sum = 0_u64;
        while super::spent(std::process::id()).unwrap() == before {
            sum = sum.wrapping_add((0..1_000_000).sum::<u64>());
        }
        assert!(std::hint::black_box(sum) > 0);
        assert_eq!(super::spent(u32::MAX), None);
        assert!(super::memory_bytes(std::process::id()) > 100_000);
        assert_eq!(super::memory_bytes(u32::MAX), 0);
    }
}
