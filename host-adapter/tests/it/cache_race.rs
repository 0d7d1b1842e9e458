//! The local cache where several write at once.

use crate::cache::{Channel, get, reply};
use crate::harness::Running;
use std::collections::HashSet;
use std::sync::Barrier;

/// Writers on three hosts, all at the same time: a body that was sent before a write began is sent by none of the hosts
/// after the write was answered.
#[test]
fn writers_at_once_leave_nobody_with_what_was_before() {
    const ROUNDS: usize = 30;
    let channel = Channel::start();
    let hosts = [(); 3].map(|()| channel.host(&["--threads", "2"]));
    let path = reply(&[("cache-control", "max-age=60"), ("cache-groups", "\"one\"")]);
    let write = reply(&[("cache-group-invalidation", "\"one\"")]);
    let bodies = || -> HashSet<String> {
        let of = |host: &Running| get(host, &path, &[]).into_body();
        hosts.iter().map(of).collect()
    };
    let together = Barrier::new(hosts.len());
    std::thread::scope(|scope| {
        for writer in &hosts {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    together.wait();
                    let before = bodies();
                    assert_eq!(writer.send("POST", &write, &[]).status(), 200);
                    let after = bodies();
                    assert!(before.is_disjoint(&after), "round {round}");
                }
            });
        }
    });
    let last = bodies();
    assert_eq!(bodies(), last, "and what is stored is sent");
}
