//! Relays that are frozen in the middle of their work for longer than their leases, and resume after others have done
//! it: nothing is lost, nothing is done twice.

use crate::steps::errand::{Errand, Shop, Work};
use crate::steps::table::FROZEN;
use crate::steps::{STEP_WITHIN, Victim, finish, hold, rounds};
use crate::{alone, audit};
use anyhow::{Context, Result};
use platform::{Options, Platform, soon};
use stack::steps::Action;
use stack::wait_for;
use std::time::{Duration, Instant};
use tests::topics::Listener;

/// How long a long campaign freezes them; the gate waits only until their leases have expired and others have done
/// their work.
const LONG: Duration = Duration::from_secs(30);

#[test]
fn relays_that_wake_up_when_others_have_done_their_work() -> Result<()> {
    let _alone = alone();
    let platform = Platform::start(Options {
        kafka_steps: true,
        ..Options::default()
    })?;
    let shop = Shop::open(&platform)?;
    let listener = Listener::start(&platform)?;
    platform.relay.stop()?;
    let (mut zombies, mut held, mut errands) = (Vec::new(), Vec::new(), Vec::new());
    for (number, (work, request)) in FROZEN.into_iter().enumerate() {
        let errand = Errand::new(&shop, work)?;
        let zombie = Victim::relay(&platform, &format!("zombie-{number}"))?;
        let step = zombie.doors.arm(request, Action::Hold).context("Kafka")?;
        errand.send(&platform.api)?;
        step.reached(STEP_WITHIN)
            .with_context(|| format!("{work:?} at {request:?}"))?;
        zombie.process.pause();
        zombies.push(zombie);
        held.push(step);
        errands.push(errand);
    }
    let frozen = Instant::now();
    platform.relay.start()?;
    finish(&mut errands)?;
    for errand in &errands {
        soon("the end of what a relay does by itself", || {
            errand.is_over()
        })?;
    }
    audit::rests(&platform)?;
    if rounds() > 0 {
        wait_for(2 * LONG, "a long sleep", || frozen.elapsed() > LONG)?;
    }
    println!("frozen for {} ms", frozen.elapsed().as_millis());
    for (zombie, step) in zombies.iter().zip(&held) {
        step.release();
        zombie.process.resume();
    }
    audit::never_wrong(&platform)?;
    // New work arrives while the resumed relays notice that their leases are gone.
    for work in [Work::CreateInDatabase, Work::Accept, Work::Buy] {
        errands.push(Errand::new(&shop, work)?);
    }
    finish(&mut errands)?;
    let relays = zombies.iter().map(|zombie| &zombie.process);
    let relays: Vec<_> = relays.chain([&platform.relay]).collect();
    hold(&shop, &errands, &relays)?;
    for zombie in &zombies {
        zombie.process.stop()?;
    }
    let orders = audit::order_ids(&platform)?;
    listener.wait_for_orders("order.created", &orders, STEP_WITHIN)
}
