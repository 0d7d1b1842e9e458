//! Processor time of each process of the platform, so that a figure says who it was spent by.

use ::tests::app::Platform;
use std::fs;
use std::time::Duration;

/// Ticks a second in `/proc`, fixed by Linux' interface.
const TICKS_PER_SECOND: u64 = 100;

/// Processor time since each process began.
pub struct Cpu(Vec<(&'static str, Duration)>);

impl Cpu {
    /// Of the platform, and of this process as `load`.
    pub fn of(platform: &Platform) -> Cpu {
        let pids = [
            ("host", platform.host.pid()),
            ("relay", platform.relay.pid()),
            ("MariaDB", platform.mariadb.process.pid()),
            ("Redis", platform.redis.process.pid()),
            ("load", Some(std::process::id())),
        ];
        let spent = |pid: Option<u32>| pid.and_then(spent).unwrap_or_default();
        Cpu(pids.map(|(name, pid)| (name, spent(pid))).to_vec())
    }

    /// Microseconds per operation since then, by process.
    pub fn per(&self, now: &Cpu, operations: u64) -> String {
        let parts = self.0.iter().zip(&now.0).map(|((name, then), (_, now))| {
            let micros = now.saturating_sub(*then).as_micros() / u128::from(operations.max(1));
            format!("{name} {micros}")
        });
        parts.collect::<Vec<_>>().join(", ")
    }
}

fn spent(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces; user and system time are the 14th and 15th fields.
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields = rest.split(' ').skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
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
    }
}
