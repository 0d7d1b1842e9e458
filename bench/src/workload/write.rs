//! Writes of ordinary orders: two lines each, of many products, each order with its own key.

use super::read;
use crate::wire;
use crate::world::World;
use crate::wrk::Batch;
use anyhow::Result;

/// Where the stock is kept, and the `Prefer` header.
#[derive(Clone, Copy)]
pub struct Kind {
    in_db: bool,
    prefer: &'static str,
}

pub const REDIS: Kind = Kind {
    in_db: false,
    prefer: "",
};
pub const DB: Kind = Kind {
    in_db: true,
    prefer: "",
};
pub const ASYNC: Kind = Kind {
    in_db: false,
    prefer: "prefer: respond-async\r\n",
};

/// One in so many requests is a write.
const MIX: usize = 5;

pub fn creates(world: &mut World, count: usize, kind: Kind) -> Batch {
    Batch {
        requests: (0..count).map(|_| create(world, kind)).collect(),
        again: false,
    }
}

pub fn mixed(world: &mut World, count: usize) -> Batch {
    let requests = (0..count).map(|at| {
        if at % MIX == 0 {
            return create(world, REDIS);
        }
        let (_, id) = world.hot_orders[at % world.hot_orders.len()];
        read::order(&id)
    });
    Batch {
        requests: requests.collect(),
        again: false,
    }
}

pub fn cancels(world: &mut World, count: usize) -> Result<Batch> {
    let orders = world.fresh_orders(count)?;
    let cancel = |(user, id): &(u64, domain::OrderId)| {
        let body = format!(r#"{{"user_id":{user},"reason":"changed my mind"}}"#);
        wire::post(&format!("/v1/order/{id}/cancel"), &body)
    };
    Ok(Batch {
        requests: orders.iter().map(cancel).collect(),
        again: false,
    })
}

fn create(world: &mut World, kind: Kind) -> Vec<u8> {
    let number = world.next_number();
    let products = match kind.in_db {
        true => &world.db_products,
        false => &world.products,
    };
    let of = |at: u64| products[at as usize % products.len()];
    let (first, second) = (of(number), of(number.wrapping_mul(31) + 7));
    let second = if first == second {
        of(number + 1)
    } else {
        second
    };
    let user = 2_000_000 + number % 100_000;
    let headers = format!("idempotency-key: bench-{number}\r\n{}", kind.prefer);
    let body = format!(
        r#"{{"user_id":{user},"items":[{{"product_id":{first},"price":99.99,"quantity":1}},{{"product_id":{second},"price":99.99,"quantity":2}}],"shipping_address":"1 Nanjing Road East, Shanghai","remark":"after six","payment_method":"alipay"}}"#
    );
    wire::post_with("/v1/order/create", &headers, &body)
}
