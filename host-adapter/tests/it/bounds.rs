//! Bounds that a manifest sets on a component: how many requests it handles at a time, and how many in one instance.

use crate::framing_h2::{Came, PING, PREFACE, RST_STREAM, SETTINGS, frame, get};
use crate::harness::{App, Running, half, rest, servers, wait_for};
use crate::wire::Wire;
use serde_json::json;
use std::io::Read;

const PROBE: &str = "component=\"probe\"";
const CANCEL: [u8; 4] = 8_u32.to_be_bytes();

/// A host whose `probe` has these bounds.
fn bounded(bounds: &str, flags: &[&str]) -> Running {
    let app = App::new(&[]);
    app.add(&format!("[component.probe.tool.host-adapter]\n{bounds}\n"));
    Running::start_app(app, flags)
}

fn waiting(host: &Running) -> f64 {
    host.metric("http_component_requests_waiting", PROBE)
}

/// Each guest counts itself in Redis, and stays until something is pushed.
#[test]
fn no_more_requests_run_at_a_time_than_the_manifest_says() {
    const REQUESTS: usize = 12;
    let host = bounded("concurrent_requests_max = 2", &["--threads", "2"]);
    let control = Running::start(&[]);
    let steps = json!([
        ["INCR", "bounds:running"],
        ["BLPOP", "bounds:gate", 20],
        ["DECR", "bounds:running"]
    ]);
    let running = || host.redis(steps.clone())[0].parse::<usize>().unwrap();
    let seen: Vec<usize> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..REQUESTS).map(|_| scope.spawn(running)).collect();
        wait_for("all others to wait", || {
            waiting(&host) == (REQUESTS - 2) as f64
        });
        wait_for("two guests", || {
            control.redis(json!([["GET", "bounds:running"]])) == ["2"]
        });
        assert_eq!(host.get("/p2/hello").0, 200, "another component");
        control.redis(json!(vec![["RPUSH", "bounds:gate", "x"]; REQUESTS]));
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(seen.iter().max(), Some(&2), "{seen:?}");
    assert_eq!(waiting(&host), 0.0);
    let refused = host.metric("http_component_requests_refused_total", PROBE);
    assert_eq!(refused, 0.0);
}

#[test]
fn a_request_counts_until_its_guest_is_done_even_if_its_client_has_left() {
    const DATABASE: u8 = 7;
    let host = bounded("concurrent_requests_max = 1", &[]);
    let control = Running::start(&[]);
    let redis = servers().redis.url_of(DATABASE);
    let path = format!("/reply?gate={redis}");
    let blocked = || {
        let clients = control.redis(json!([["CLIENT", "LIST"]])).join("\n");
        let mark = format!(" db={DATABASE} ");
        let is_blocked = |line: &&str| line.contains(&mark) && line.contains("cmd=blpop");
        clients.lines().filter(is_blocked).count()
    };
    let mut leaver = Wire::plain(host.address());
    leaver.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), &get(1, &path)].concat());
    wait_for("its guest to wait", || blocked() == 1);
    leaver.send(&[frame(RST_STREAM, 0, 1, &CANCEL), frame(PING, 0, 0, &[1; 8])].concat());
    let mut came = Came::default();
    while came.pings == 0 {
        assert!(came.next(&mut leaver), "{came:?}");
    }
    std::thread::scope(|scope| {
        let next = scope.spawn(|| host.get(&path));
        wait_for("the next to wait", || waiting(&host) == 1.0);
        assert_eq!(blocked(), 1);
        assert_eq!(host.metric("http_component_requests_in_flight", PROBE), 2.0);
        control.redis_at(
            &redis,
            json!([["RPUSH", "gate", "x"], ["RPUSH", "gate", "x"]]),
        );
        assert_eq!(next.join().unwrap().0, 200);
    });
    wait_for("both to be done", || {
        host.metric("http_requests_in_flight", "") == 0.0
    });
}

/// One that was answered 504 goes on in its instance, and counts until that is dropped.
#[test]
fn a_request_that_waits_for_too_long_is_refused() {
    let host = bounded("concurrent_requests_max = 1", &["--request-timeout=2s"]);
    std::thread::scope(|scope| {
        let late = scope.spawn(|| host.get("/wait"));
        wait_for("its instance", || {
            host.metric("wasm_instances{", PROBE) == 1.0
        });
        let refused = host.send("GET", "/hello", &[]);
        assert_eq!(refused.status(), 503, "{refused:?}");
        assert_eq!(refused.headers()["retry-after"], "1");
        let reason = "\"message\":\"[10005] too many requests at a time\"";
        assert!(refused.body().contains(reason), "{refused:?}");
        assert_eq!(late.join().unwrap().0, 504);
    });
    let refused = host.metric("http_component_requests_refused_total", PROBE);
    assert_eq!(refused, 1.0);
    wait_for("the slot", || host.get("/hello").0 == 200);
    let lost = host.metric("wasm_traps_total", PROBE);
    assert_eq!(
        lost, 1.0,
        "the slot became free before the late guest ended"
    );
}

/// Two clients could otherwise keep everybody else from a component of two slots.
#[test]
fn a_client_that_sends_slowly_holds_no_slot() {
    let host = bounded("concurrent_requests_max = 1", &[]);
    let halves = [half(&host), half(&host)];
    wait_for("both to have begun", || {
        host.metric("http_component_requests_in_flight", PROBE) == 2.0
    });
    let long = "x".repeat(3 * host_adapter::limits::READ_AHEAD_BYTES_MAX);
    assert_eq!(host.post("/body", &long), (200, long.len().to_string()));
    for reply in halves.map(rest) {
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    }
}

#[test]
fn a_body_that_does_not_come_is_waited_for_as_long_as_a_request_may_take() {
    let flags = ["--request-timeout=300ms", "--body-read-timeout=3600s"];
    let host = bounded("concurrent_requests_max = 1", &flags);
    let mut reply = String::new();
    half(&host).read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 408"), "{reply}");
    assert_eq!(host.metric("wasm_instances_started_total", PROBE), 0.0);
}

#[test]
fn an_instance_is_replaced_after_as_many_requests_as_the_manifest_says() {
    const REQUESTS: usize = 6;
    for (bounds, flags, instances) in [
        ("instance_requests_max = 2", &[][..], 3.0),
        (
            "instance_requests_max = 3",
            &["--max-instance-reuse-count=100"],
            2.0,
        ),
        (
            "instance_requests_max = 3",
            &["--max-instance-reuse-count=1"],
            6.0,
        ),
    ] {
        let host = bounded(bounds, flags);
        for _ in 0..REQUESTS {
            assert_eq!(host.get("/hello").0, 200);
        }
        let started = host.metric("wasm_instances_started_total", PROBE);
        assert_eq!(started, instances, "{bounds} {flags:?}");
    }
}
