//! Components that print without end while nobody reads the log: the host goes on serving.

use crate::crowd::crowd;
use crate::probes::Probes;
use crate::siege::Target;
use crate::wire::{Wire, get};
use anyhow::Result;
use std::time::Duration;
use tokio::time::interval;

const CLIENTS: usize = 4;
/// Between two requests of a client; the second does not wait for the first to end.
const PACE: Duration = Duration::from_millis(500);
/// One request prints more than a megabyte, as it stands in the log.
const LINES: usize = 10_000;

async fn print(target: Target) -> Result<()> {
    let mut pace = interval(PACE);
    while !target.is_over() {
        pace.tick().await;
        let mut wire = Wire::connect(target.address).await?;
        wire.send(&get(&format!("/print?{LINES}"))).await?;
        let _ = wire.reply(PACE).await;
    }
    Ok(())
}

#[test]
fn megabytes_of_lines() -> Result<()> {
    let probes = Probes::open()?;
    probes.besiege(|target| crowd(target, CLIENTS, move |_| print(target)));
    Ok(())
}

#[test]
fn megabytes_of_lines_that_nobody_reads() -> Result<()> {
    let probes = Probes::unheard()?;
    probes.besiege(|target| crowd(target, CLIENTS, move |_| print(target)));
    Ok(())
}
