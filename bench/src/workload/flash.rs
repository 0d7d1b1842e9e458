//! A flash sale's requests: each round has a sale of its own, and its buyers their tokens before it begins.

use crate::load::{self, Load, Pace};
use crate::wire;
use crate::world::World;
use crate::wrk::Batch;
use anyhow::{Result, ensure};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const SOLD_OUT_BUYERS: usize = 2_000;
const CONNECTIONS: usize = 64;
/// Longest that buyers wait for their tokens.
const TOKENS_WITHIN: Duration = Duration::from_secs(120);

pub fn tokens(world: &mut World, count: usize) -> Result<Batch> {
    let sale = world.platform.sale(1_000, 1)?;
    let requests = (0..count).map(|_| ask(world, &sale.id)).collect();
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
        requests: bearers.iter().map(purchase).collect(),
        again: false,
    })
}

pub fn refusals(world: &mut World) -> Result<Batch> {
    let sale = world.platform.sale(1, 1)?;
    let mut bearers = bearers(world, &sale.id, SOLD_OUT_BUYERS)?;
    let winner = bearers.pop();
    let reply = winner.map(|(user, token)| tests::sale::buy(&world.platform.api, user, &token, 1));
    ensure!(
        reply.is_some_and(|reply| reply.is_ok_and(|reply| reply.status == 202)),
        "the only unit was not sold"
    );
    Ok(Batch {
        requests: bearers.iter().map(purchase).collect(),
        again: true,
    })
}

fn ask(world: &mut World, sale: &str) -> Vec<u8> {
    let user = 10_000_000 + world.next_number();
    let body = format!(r#"{{"user_id":{user},"seckill_id":"{sale}"}}"#);
    wire::post("/api/v1/seckill/token", &body)
}

fn purchase((user, token): &(u64, String)) -> Vec<u8> {
    let body = format!(r#"{{"user_id":{user},"token":"{token}"}}"#);
    wire::post("/api/v1/seckill/buy", &body)
}

/// Buyers with tokens, which the platform's own host gives.
fn bearers(world: &mut World, sale: &str, count: usize) -> Result<Vec<(u64, String)>> {
    let mut requests: Vec<Vec<u8>> = (0..count).map(|_| ask(world, sale)).collect();
    let address = world.address().to_owned();
    let load = Load {
        address: &address,
        connections: CONNECTIONS,
        pace: Pace::Closed,
        lasts: TOKENS_WITHIN,
    };
    let got = Rc::new(RefCell::new(Vec::with_capacity(count)));
    let keep = got.clone();
    let judge = move |_: &[u8], reply: &wire::Reply<'_>| {
        let token = wire::text_field(reply.body, "token").filter(|_| reply.status == 200);
        let user = token.and_then(|token| token.split('.').nth(1)?.parse().ok());
        let (Some(user), Some(token)) = (user, token) else {
            return false;
        };
        keep.borrow_mut().push((user, token.to_owned()));
        true
    };
    let seen = load::run(&load, move || requests.pop(), judge)?;
    ensure!(
        seen.bad == 0 && seen.good == count as u64,
        "{} of {count} buyers got no token",
        count as u64 - seen.good
    );
    Ok(got.take())
}
