//! `bench --check`: whether the host has become slower. It compares the ratio of the host's rate to the twin's, because
//! absolute times depend on the machine, with the ratios of the last full comparison.

use crate::outcome::Outcome;
use crate::peer::Kind;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::Path;

/// Ratios of short runs on a shared machine may differ by this factor without a cause.
const TOLERANCE: f64 = 0.8;

/// Compares new outcomes with those of `compare.json`.
///
/// # Errors
/// Names every workload whose ratio fell; or says that there is nothing to compare with.
pub fn check(folder: &Path, outcomes: &[Outcome]) -> Result<()> {
    let path = folder.join("compare.json");
    let stored = std::fs::read(&path).with_context(|| {
        format!(
            "{}: run `cargo xtask bench` once without --check",
            path.display()
        )
    })?;
    let stored: Value = serde_json::from_slice(&stored)?;
    let fallen: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| {
            let was = ratio_in(&stored, outcome.workload)?;
            let is = outcome.ratio(Kind::Host.name(), Kind::Twin.name())?;
            println!(
                "  {:17} {is:.2} of the twin, {was:.2} stored",
                outcome.workload
            );
            (is < was * TOLERANCE)
                .then(|| format!("{}: {is:.2} of the twin, was {was:.2}", outcome.workload))
        })
        .collect();
    ensure!(
        fallen.is_empty(),
        "slower than before:\n{}",
        fallen.join("\n")
    );
    Ok(())
}

fn ratio_in(stored: &Value, workload: &str) -> Option<f64> {
    let workloads = stored["workloads"].as_array()?;
    let found = workloads.iter().find(|one| one["workload"] == workload)?;
    let peers = found["peers"].as_array()?;
    let ours = peers
        .iter()
        .find(|peer| peer["name"] == Kind::Host.name())?;
    ours["to_twin"].as_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::PeerOutcome;

    fn outcome(host: f64, twin: f64) -> Outcome {
        let peer = PeerOutcome::of_rate;
        Outcome {
            workload: "order",
            open_rate: 0.0,
            peers: vec![peer("host", host), peer("native twin", twin)],
        }
    }

    #[test]
    fn a_ratio_that_fell_is_named() {
        let folder = stack::Home::temporary().unwrap();
        assert!(
            check(folder.path(), &[outcome(1.0, 2.0)]).is_err(),
            "nothing stored"
        );
        let stored = serde_json::json!({ "workloads": [outcome(1.0, 2.0).json()] });
        std::fs::write(folder.path().join("compare.json"), stored.to_string()).unwrap();
        assert!(check(folder.path(), &[outcome(90.0, 200.0)]).is_ok());
        let error = check(folder.path(), &[outcome(60.0, 200.0)]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("order: 0.30 of the twin, was 0.50")
        );
    }
}
