//! What a host logs when it stops: nothing about its idle instances, and everything that goes wrong until then.

use crate::harness::{App, agent, read, wait_for};
use crate::process::{Process, start_logged};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::ChildStdout;

const LOST: &str = "an instance was lost";
/// The idle instances are still there when the host stops.
const FLAGS: &[&str] = &[
    "--idle-instance-timeout",
    "60s",
    "--metrics-listen",
    "127.0.0.1:0",
    "--threads",
    "2",
];

/// The messages until the host, which was asked to stop, has ended.
fn last_messages(mut host: Process, log: BufReader<ChildStdout>) -> Vec<String> {
    let lines = log.lines().map(|line| line.unwrap());
    let events = lines.map(|line| serde_json::from_str::<Value>(&line).unwrap());
    let messages = events.map(|event| event["message"].as_str().unwrap().to_owned());
    let messages: Vec<_> = messages.collect();
    assert!(host.wait().success(), "{messages:?}");
    assert_eq!(messages.last().map(String::as_str), Some("stopped"));
    messages
}

/// Asks a host to stop, and waits until it takes no more connections.
fn stop(host: &Process, url: &str) {
    stack::terminate(host.id()).unwrap();
    wait_for("the host to stop", || {
        read(agent().get(format!("{url}/hello")).call()).0 == 0
    });
}

#[test]
fn an_idle_instance_is_dropped_without_a_word() {
    let app = App::new(&[]);
    let (host, ready, log) = start_logged(&app, FLAGS);
    let url = ready["listen"].as_str().unwrap();
    let agent = agent();
    for path in ["/hello", "/p2/hello"] {
        assert_eq!(read(agent.get(format!("{url}{path}")).call()).0, 200);
    }
    stop(&host, url);
    let messages = last_messages(host, log);
    assert!(!messages.iter().any(|m| m == LOST), "{messages:?}");
}

#[test]
fn an_instance_that_traps_while_the_host_stops_is_told() {
    let app = App::new(&[]);
    let (host, ready, log) = start_logged(&app, FLAGS);
    let url = ready["listen"].as_str().unwrap();
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    let head = "POST /trap HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let metrics = ready["metrics"].as_str().unwrap();
    wait_for("the request", || {
        let (_, text) = read(agent().get(metrics).call());
        text.contains("wasm_instances{component=\"probe\",service=\"host-adapter\"} 1")
    });
    stop(&host, url);
    stream.write_all(b"x").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 500"), "{reply}");
    let messages = last_messages(host, log);
    let lost = messages.iter().filter(|message| *message == LOST);
    assert_eq!(lost.count(), 1, "{messages:?}");
}
