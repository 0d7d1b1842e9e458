//! How requests find their instances.

use crate::harness::{Running, half, read, rest, wait_for};
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// The library wakes one instance for each request, possibly one that takes no more: here, because its own request is
/// late.
#[test]
fn no_request_waits_while_an_instance_is_free() {
    const LONG: Duration = Duration::from_millis(700);
    let host = Running::start(&[
        "--max-instance-concurrent-reuse-count=2",
        "--idle-instance-timeout=8s",
        "--request-timeout=1500ms",
    ]);
    let started = || host.metric("wasm_instances_started_total{component=\"probe\"", "");
    let halves = [half(&host), half(&host), half(&host)];
    wait_for("a second instance", || started() >= 2.0);
    for stream in halves {
        let reply = rest(stream);
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    }
    assert_eq!(host.get("/wait").0, 504);
    for _ in 0..4 {
        let asked = Instant::now();
        assert_eq!(host.get("/hello").0, 200);
        assert!(asked.elapsed() < LONG, "{:?}", asked.elapsed());
    }
    assert!(started() <= 5.0, "one was needed at most");
}

/// Requests do not fail for lack of memory: some wait until others are done.
#[test]
fn requests_wait_for_an_instance_where_there_is_no_room_for_more() {
    const REQUESTS: usize = 60;
    let host = Running::start(&[
        "--max-instance-memory=4194304",
        "--max-guest-memory=16777216",
        "--max-instance-concurrent-reuse-count=2",
    ]);
    let together = Barrier::new(REQUESTS);
    std::thread::scope(|scope| {
        for _ in 0..REQUESTS {
            scope.spawn(|| {
                together.wait();
                let url = format!("http://{}/hello", host.address());
                let answer = read(crate::harness::agent().get(url).call());
                assert_eq!(answer, (200, "hello".to_owned()));
            });
        }
    });
    let most = 4.0;
    let started = host.metric("wasm_instances_started_total{component=\"probe\"", "");
    assert!(started >= 1.0);
    assert!(host.metric("wasm_instances{", "probe") <= most);
}
