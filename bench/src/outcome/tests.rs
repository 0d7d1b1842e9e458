//! Tests of `outcome`.

use super::*;

fn sample(rate: f64, cpu: f64) -> Sample {
    Sample {
        rate,
        latency: Quantiles {
            p50: 1,
            p99: 2_000,
            p999: 3,
        },
        cpu: vec![("server", cpu)],
        memory_bytes: 1 << 20,
    }
}

#[test]
fn medians_and_ratios() {
    let ours = PeerOutcome::of(
        "host",
        vec![sample(10.0, 3.0), sample(30.0, 1.0), sample(20.0, 2.0)],
    );
    assert_eq!(
        (ours.rate.middle, ours.cpu[0].1, ours.closed.p99),
        (20.0, 2.0, 2_000)
    );
    let twin = PeerOutcome::of("native twin", vec![sample(40.0, 1.0)]);
    let outcome = Outcome {
        workload: "order",
        open_rate: 0.0,
        peers: vec![ours, twin],
    };
    assert_eq!(outcome.ratio("host", "native twin"), Some(0.5));
    assert_eq!(outcome.ratio("host", "spin up"), None);
    assert!(
        outcome
            .markdown()
            .contains("| host | 20.00 | 10.00 - 30.00 | 0.50 | 0.0 / 2.0 / 0.0 |")
    );
    assert_eq!(outcome.json()["peers"][0]["to_twin"], 0.5);
}
