//! The bound that a manifest sets on the requests a second to each route of a component. One a second, so that a slow
//! machine is refused too: whoever asks twice at once.

use crate::harness::{App, Running, agent, half, read, wait_for};
use std::io::Read;

const PROBE: &str = "component=\"probe\"";

/// A host whose `probe` takes one request a second on each route.
fn bounded(flags: &[&str]) -> Running {
    let app = App::new(&[]);
    app.add("[component.probe.tool.host-adapter]\nrequests_per_second_max = 1\n");
    Running::start_app(app, flags)
}

fn limited(host: &Running) -> f64 {
    host.metric("http_component_requests_limited_total", PROBE)
}

#[test]
fn one_more_is_refused_and_told_when_to_come_back() {
    let host = bounded(&[]);
    let mut refused = None;
    wait_for("a refusal", || {
        let reply = host.send("GET", "/hello", &[]);
        match reply.status().as_u16() {
            429 => refused = Some(reply),
            status => assert_eq!(status, 200),
        }
        refused.is_some()
    });
    let refused = refused.unwrap();
    let body: serde_json::Value = serde_json::from_str(refused.body()).unwrap();
    assert_eq!(body["code"], 10004, "{refused:?}");
    assert_eq!(body["message"], "[10004] 系统繁忙，请稍后重试");
    for (name, value) in [
        ("retry-after", "1"),
        ("ratelimit-policy", "\"path\";q=1;w=1"),
        ("ratelimit", "\"path\";r=0;t=1"),
        ("access-control-allow-origin", "*"),
    ] {
        assert_eq!(refused.headers()[name], value, "{name}");
    }
    assert_eq!(limited(&host), 1.0);
    let answered = host.metric("http_requests_total", "status=\"429\"");
    assert_eq!(answered, 1.0);
    wait_for("a token", || host.get("/hello").0 == 200);
}

/// Routes of one component have buckets of their own, and other components none.
#[test]
fn each_route_has_a_bucket_of_its_own() {
    let host = bounded(&[]);
    wait_for("a refusal", || host.get("/hello").0 == 429);
    let before = limited(&host);
    let of_user = |name: &str| host.get(&format!("/users/{name}/hello")).0;
    // The probe has no such command.
    assert_eq!(of_user("ann"), 404);
    for _ in 0..8 {
        assert_eq!(host.get("/p2/hello").0, 200);
    }
    assert_eq!(limited(&host), before);
    wait_for("the same of another user", || {
        of_user("ann") == 404 && of_user("ben") == 429
    });
}

/// Connections are spread over the threads: with a bucket each there would be eight tokens.
#[test]
fn threads_share_a_bucket() {
    const REQUESTS: usize = 32;
    let host = bounded(&["--threads", "8"]);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..REQUESTS)
            .map(|_| {
                scope.spawn(|| {
                    let url = format!("http://{}/hello", host.address());
                    read(agent().get(url).call()).0
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let taken = statuses.iter().filter(|status| **status == 200).count();
    assert!((1..=4).contains(&taken), "{statuses:?}");
    let refused = statuses.iter().filter(|status| **status == 429).count();
    assert_eq!(taken + refused, REQUESTS, "{statuses:?}");
    assert_eq!(limited(&host), refused as f64);
}

#[test]
fn the_body_of_a_refused_request_is_not_waited_for() {
    let host = bounded(&["--body-read-timeout=300ms"]);
    wait_for("a refusal before the body", || {
        host.get("/hello");
        let mut reply = String::new();
        half(&host).read_to_string(&mut reply).unwrap();
        reply.starts_with("HTTP/1.1 429")
    });
}
