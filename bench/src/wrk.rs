//! Closed loops for throughput, by `wrk`: of all load generators it takes the least processor time from the server that
//! it shares the machine with. Its script counts only replies with the right status and body.

use crate::sample::Quantiles;
use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What a good reply is.
#[derive(Clone, Copy, Debug)]
pub struct Expect {
    pub status: u16,
    /// A text that the body contains.
    pub part: &'static str,
}

/// Requests of one measurement.
#[derive(Clone, Debug)]
pub struct Batch {
    pub requests: Vec<Vec<u8>>,
    /// Whether each may be sent repeatedly; otherwise the measurement ends with the last request.
    pub again: bool,
}

/// Results of a measurement.
#[derive(Clone, Debug)]
pub struct Closed {
    pub elapsed: Duration,
    pub good: u64,
    pub latency: Quantiles,
}

const SCRIPT: &str = include_str!("wrk.lua");

/// Sends `batch` to `address` over `connections` connections until its requests or the time are used up.
///
/// # Errors
/// Where `wrk` cannot be run, or a reply is not as expected.
pub fn run(
    folder: &Path,
    address: &str,
    connections: usize,
    lasts: Duration,
    batch: &Batch,
    expect: Expect,
) -> Result<Closed> {
    let (script, requests) = (folder.join("wrk.lua"), folder.join("requests"));
    std::fs::write(&script, SCRIPT)?;
    write_requests(&requests, &batch.requests)?;
    let output = Command::new("wrk")
        .args(["--threads", "1", "--timeout", "20s"])
        .args(["--connections", &connections.to_string()])
        .args(["--duration", &format!("{}s", lasts.as_secs().max(1))])
        .arg("--script")
        .arg(&script)
        .arg(format!("http://{address}"))
        .arg("--")
        .arg(&requests)
        .args([&expect.status.to_string(), expect.part])
        .arg(if batch.again { "1" } else { "0" })
        .stdin(Stdio::null())
        .output()
        .context("cannot run wrk")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "wrk: {}{said}{errors}",
        output.status
    );
    read(&said).with_context(|| format!("wrk said {said}{errors}"))
}

fn write_requests(path: &Path, requests: &[Vec<u8>]) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for request in requests {
        writeln!(file, "{}", request.len())?;
        file.write_all(request)?;
    }
    Ok(file.flush()?)
}

fn read(said: &str) -> Result<Closed> {
    let line = |name: &str| said.lines().find_map(|line| line.strip_prefix(name));
    let result = line("RESULT ").context("no result")?;
    let numbers: Vec<u64> = result
        .split(' ')
        .map(|number| number.trim().parse().context("no number"))
        .collect::<Result<_>>()?;
    let [elapsed, good, bad, broken, p50, p99, p999] = numbers[..] else {
        bail!("seven numbers were expected");
    };
    if bad > 0 {
        bail!(
            "{bad} of {} replies were wrong, the first: {}",
            good + bad,
            line("BAD ").unwrap_or_default()
        );
    }
    ensure!(broken == 0, "{broken} connections broke or timed out");
    Ok(Closed {
        elapsed: Duration::from_micros(elapsed),
        good,
        latency: Quantiles { p50, p99, p999 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clean_results_count() {
        let seen = read("Running\nRESULT 2000000 500 0 0 10 20 30\n").unwrap();
        assert_eq!((seen.good, seen.elapsed.as_millis()), (500, 2_000));
        assert_eq!((seen.latency.p50, seen.latency.p999), (10, 30));
        let wrong = read("RESULT 2000000 500 1 0 10 20 30\nBAD 500 {}\n").unwrap_err();
        assert!(
            wrong
                .to_string()
                .contains("1 of 501 replies were wrong, the first: 500 {}")
        );
        assert!(read("RESULT 2000000 500 0 3 10 20 30\n").is_err());
        assert!(read("nothing").is_err());
    }
}
