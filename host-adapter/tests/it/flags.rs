//! Flags that no other test uses: each does what its help says.

use crate::harness::{App, Running, half, rest, wait_for};
use crate::process::start_with;
use std::fs;
use std::path::Path;

#[test]
fn one_component_can_be_served_alone() {
    let host = Running::start(&["--component-id", "probe-p2"]);
    assert_eq!(host.get("/p2/hello").0, 200);
    let (status, text) = host.get("/hello");
    assert_eq!(status, 404, "{text}");
    assert!(text.contains("nothing is served under this path"), "{text}");
}

#[test]
fn instances_are_bounded_and_requests_wait_for_one() {
    let host = Running::start(&[
        "--max-instances=1",
        "--max-instance-concurrent-reuse-count=1",
    ]);
    let first = half(&host);
    wait_for("the instance", || {
        host.metric("wasm_instances{", "probe\"") == 1.0
    });
    let second = half(&host);
    wait_for("the second to wait", || {
        host.metric("http_requests_in_flight", "") == 2.0
    });
    assert_eq!(host.metric("wasm_instances{", "probe\""), 1.0);
    for stream in [first, second] {
        let reply = rest(stream);
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    }
}

#[test]
fn one_address_has_its_share_of_the_connections() {
    let host = Running::start(&["--max-connections-per-address=1"]);
    let busy = half(&host);
    wait_for("it to be busy", || {
        host.metric("http_requests_in_flight", "") == 1.0
    });
    let refused = rest(half(&host));
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(rest(busy).starts_with("HTTP/1.1 200"));
    wait_for("its place", || host.get("/hello").0 == 200);
}

#[test]
fn compiled_components_are_kept_where_it_is_said() {
    let app = App::new(&[]);
    let folder = app.folder().join("compiled");
    let named = folder.display().to_string();
    drop(start_with(&app, &["--cache-dir", &named]));
    let kept = |folder: &Path| fs::read_dir(folder).map_or(0, Iterator::count);
    assert!(kept(&folder) > 0);
    fs::remove_dir_all(&folder).unwrap();
    let (host, _) = start_with(&app, &["--disable-cache", "--perf-map"]);
    let map = format!("/tmp/perf-{}.map", host.id());
    let names = fs::read_to_string(&map).unwrap();
    let _ = fs::remove_file(&map);
    assert!(names.contains("wasm"), "no function is named");
    assert_eq!(kept(&folder), 0);
}
