//! The reply of a placed order in the shape of the route it was placed on.

use crate::place::Placed;
use contract::order::envelope::ORDER_CREATED;
use contract::order::{ApiOrder, Created, Envelope, EnvelopeOrder, OrderView};
use guest::{Fault, Reply};

/// Which of the five systems' shapes a route speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    V1,
    Api,
    Seed000,
}

impl Shape {
    pub fn of(path: &str) -> Shape {
        if path.starts_with("/api/v1/") {
            Shape::Api
        } else if path.starts_with("/v1/") {
            Shape::V1
        } else {
            Shape::Seed000
        }
    }
}

pub fn render(placed: &Placed, shape: Shape) -> Result<Reply, Fault> {
    let view: OrderView = serde_json::from_str(&placed.order)
        .map_err(|error| Fault::Internal(format!("the stored response is no order: {error}")))?;
    let location = match shape {
        Shape::V1 => format!("/v1/order/{}", view.id),
        Shape::Api => format!("/api/v1/orders/{}", view.id),
        Shape::Seed000 => format!("/orders/{}", view.id),
    };
    let reply = match shape {
        Shape::V1 => Reply::of(200, &Created::from(&view))?,
        Shape::Api => Reply::of(200, &ApiOrder::coded(view))?,
        Shape::Seed000 => Reply::of(
            200,
            &Envelope::success(ORDER_CREATED, EnvelopeOrder::from(&view)),
        )?,
    };
    let reply = reply.with("location", location);
    Ok(if placed.replayed {
        reply.with("idempotent-replayed", "true")
    } else {
        reply
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_and_their_shapes() {
        assert_eq!(Shape::of("/v1/order/create"), Shape::V1);
        assert_eq!(Shape::of("/api/v1/orders"), Shape::Api);
        assert_eq!(Shape::of("/orders"), Shape::Seed000);
    }
}
