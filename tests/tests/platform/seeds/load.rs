//! The load test of the order demo: one constant body, no key, many times at once. Each request is an order of its own.

use super::request::Request;
use anyhow::{Context, Result, ensure};
use platform::Platform;
use stack::component;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::thread;

const CLIENTS: usize = 20;
const REQUESTS_EACH: usize = 10;
/// What the load generator sends unless its arguments say otherwise.
const CONTENT_TYPE: (&str, &str) = ("content-type", "text/html");

pub fn one_body_many_times(platform: &Platform) -> Result<()> {
    let file = component::checkout()?.join("tests/requests/000/01-create.http");
    let request = Request::parse(&fs::read_to_string(file)?, &BTreeMap::new())?;
    let client = || -> Result<Vec<String>> {
        let order = |_| {
            let reply = platform
                .api
                .send("POST", "/orders", &[CONTENT_TYPE], request.body())?
                .expect(200)?;
            Ok(reply.text_at("/data/id").to_owned())
        };
        (0..REQUESTS_EACH).map(order).collect()
    };
    let orders = thread::scope(|scope| -> Result<HashSet<String>> {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        let mut orders = HashSet::new();
        for client in clients {
            orders.extend(client.join().ok().context("a client panicked")??);
        }
        Ok(orders)
    })?;
    ensure!(
        orders.len() == CLIENTS * REQUESTS_EACH,
        "{} orders of {} requests",
        orders.len(),
        CLIENTS * REQUESTS_EACH
    );
    Ok(())
}
