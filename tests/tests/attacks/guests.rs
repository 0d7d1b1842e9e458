//! Components that misbehave beside a well-behaved one: they use up processor time, memory, instances and connections.

use crate::crowd::crowd;
use crate::probes::Probes;
use crate::siege::Target;
use crate::wire::{Wire, get, post};
use anyhow::Result;
use std::time::Duration;
use tokio::time::{interval, timeout_at};

/// Longer than the host's request timeout.
const WITHIN: Duration = Duration::from_secs(8);

/// Sends requests in a loop, whatever the answers are.
async fn ask(target: Target, request: Vec<u8>) -> Result<()> {
    while !target.is_over() {
        let mut wire = Wire::connect(target.address).await?;
        wire.send(&request).await?;
        let _ = timeout_at(target.until.into(), wire.reply(WITHIN)).await;
    }
    Ok(())
}

/// Sends requests in a loop and closes each connection before the answer can arrive.
async fn ask_and_leave(target: Target, request: Vec<u8>, every: Duration) -> Result<()> {
    let mut pace = interval(every);
    while !target.is_over() {
        pace.tick().await;
        let mut wire = Wire::connect(target.address).await?;
        wire.send(&request).await?;
    }
    Ok(())
}

fn besiege(clients: usize, path: &str) -> Result<()> {
    let request = get(path);
    let probes = Probes::open()?;
    probes.besiege(|target| crowd(target, clients, move |_| ask(target, request.clone())));
    Ok(())
}

#[test]
fn endless_loops() -> Result<()> {
    besiege(20, "/spin")
}

/// Each request computes for as long as a password is hashed. The component handles few at a time; of the others a few
/// wait, and the rest is refused.
#[test]
fn computing_at_a_component_with_a_bound() -> Result<()> {
    besiege(400, "/compute?60")
}

/// Instances that are never ready for their first request.
#[test]
fn endless_starts() -> Result<()> {
    besiege(64, "/stuck")
}

#[test]
fn all_the_memory_an_instance_may_have() -> Result<()> {
    besiege(2, "/hog")
}

/// One instance may take a third of the memory that the host may take.
#[test]
fn all_the_memory_of_many_instances() -> Result<()> {
    besiege(8, "/hog")
}

#[test]
fn instances_that_trap() -> Result<()> {
    besiege(8, "/trap")
}

#[test]
fn more_waiting_requests_than_a_host_takes() -> Result<()> {
    besiege(5_000, "/wait")
}

/// When a client leaves, its work goes on or is stopped; it counts as in flight for as long as it goes on.
#[test]
fn clients_that_leave_waiting_work_behind() -> Result<()> {
    let probes = Probes::open()?;
    let every = Duration::from_millis(5);
    let client = move |target| ask_and_leave(target, get("/wait"), every);
    probes.besiege(|target| crowd(target, 4, move |_| client(target)));
    Ok(())
}

#[test]
fn clients_that_leave_busy_work_behind() -> Result<()> {
    let probes = Probes::open()?;
    let every = Duration::from_millis(80);
    let client = move |target| ask_and_leave(target, get("/spin"), every);
    probes.besiege(|target| crowd(target, 4, move |_| client(target)));
    Ok(())
}

fn slow_statements(database: &str) -> Result<()> {
    const CLIENTS: usize = 3_000;
    let probes = Probes::open()?;
    let request = post("/sql", "", &probes.slow_statement(database));
    probes.besiege(|target| crowd(target, CLIENTS, move |_| ask(target, request.clone())));
    Ok(())
}

#[test]
fn slow_statements_in_a_database_of_its_own() -> Result<()> {
    slow_statements("wild")
}

#[test]
fn slow_statements_in_the_same_database() -> Result<()> {
    slow_statements("probe")
}
