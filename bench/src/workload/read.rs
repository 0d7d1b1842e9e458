//! Reads: a few items again and again, so that they are served from Redis, or each item once after it was deleted from
//! Redis.

use crate::wire;
use crate::world::World;
use crate::wrk::Batch;
use anyhow::Result;
use contract::store::redis as keys;
use domain::ProductId;

pub fn noop() -> Batch {
    Batch {
        requests: vec![wire::get("/noop")],
        again: true,
    }
}

pub fn products(world: &World) -> Batch {
    let requests = world.products.iter().map(|id| product(*id)).collect();
    Batch {
        requests,
        again: true,
    }
}

pub fn products_forgotten(world: &mut World, count: usize) -> Result<Batch> {
    let ids = world.many_products(count)?;
    let names = ids.iter().map(|id| keys::product(ProductId(*id)));
    world.forget(names.collect())?;
    Ok(Batch {
        requests: ids.into_iter().map(product).collect(),
        again: false,
    })
}

pub fn orders(world: &World) -> Batch {
    let requests = world.hot_orders.iter().map(|(_, id)| order(id)).collect();
    Batch {
        requests,
        again: true,
    }
}

pub fn orders_forgotten(world: &mut World, count: usize) -> Result<Batch> {
    let ids = world.stored_orders(count)?;
    let names = ids.iter().map(|(_, id)| keys::order(*id));
    world.forget(names.collect())?;
    Ok(Batch {
        requests: ids.iter().map(|(_, id)| order(id)).collect(),
        again: false,
    })
}

pub fn lists(world: &World) -> Batch {
    let of = |user: &u64| wire::get(&format!("/v1/order/list?user_id={user}"));
    Batch {
        requests: world.readers.iter().map(of).collect(),
        again: true,
    }
}

pub fn order(id: &impl std::fmt::Display) -> Vec<u8> {
    wire::get(&format!("/v1/order/{id}"))
}

fn product(id: u64) -> Vec<u8> {
    wire::get(&format!("/api/v1/products/{id}"))
}
