//! Requests of flash sales: each round has its own sale, whose buyers get their tokens before it begins.

use crate::bearer::{self, Bearer};
use crate::load::{Load, Pace};
use crate::world::World;
use crate::wrk::Batch;
use anyhow::{Result, ensure};
use std::time::Duration;

const SOLD_OUT_BUYERS: usize = 2_000;
const CONNECTIONS: usize = 64;
/// Longest time for all buyers to get their tokens.
const TOKENS_WITHIN: Duration = Duration::from_secs(120);

pub fn tokens(world: &mut World, count: usize) -> Result<Batch> {
    let sale = world.platform.sale(1_000, 1)?;
    let requests = (0..count)
        .map(|_| bearer::ask(buyer(world), &sale.id))
        .collect();
    Ok(Batch {
        requests,
        again: false,
    })
}

pub fn purchases(world: &mut World, count: usize) -> Result<Batch> {
    let sale = world.platform.sale(count as u32 + 1, 1)?;
    world.sales.push(sale.product);
    let bearers = bearers(world, &sale.id, count)?;
    Ok(Batch {
        requests: bearers.iter().map(bearer::purchase).collect(),
        again: false,
    })
}

pub fn refusals(world: &mut World) -> Result<Batch> {
    let sale = world.platform.sale(1, 1)?;
    let mut bearers = bearers(world, &sale.id, SOLD_OUT_BUYERS)?;
    let winner = bearers.pop();
    let reply =
        winner.map(|(user, token)| platform::sale::buy(&world.platform.api, user, &token, 1));
    ensure!(
        reply.is_some_and(|reply| reply.is_ok_and(|reply| reply.status == 202)),
        "the only unit was not sold"
    );
    Ok(Batch {
        requests: bearers.iter().map(bearer::purchase).collect(),
        again: true,
    })
}

/// A new buyer.
fn buyer(world: &mut World) -> u64 {
    10_000_000 + world.next_number()
}

/// New buyers with tokens from the platform's own host.
fn bearers(world: &mut World, sale: &str, count: usize) -> Result<Vec<Bearer>> {
    let buyers: Vec<u64> = (0..count).map(|_| buyer(world)).collect();
    let load = Load {
        address: world.address(),
        connections: CONNECTIONS,
        pace: Pace::Closed,
        lasts: TOKENS_WITHIN,
    };
    Ok(bearer::tokens(&load, sale, buyers.into_iter())?.0)
}
