//! The reply of a placed order in the shape of the route it was placed on.

use crate::place::Placed;
use contract::order::envelope::ORDER_CREATED;
use contract::order::{ApiOrder, Created, Envelope, EnvelopeOrder, OrderView};
use guest::shape::Shape;
use guest::{Fault, Reply};

pub fn render(placed: &Placed, shape: Shape) -> Result<Reply, Fault> {
    let view: OrderView = serde_json::from_str(&placed.order)
        .map_err(|error| Fault::Internal(format!("the stored response is no order: {error}")))?;
    let location = match shape {
        Shape::V1 => format!("/v1/order/{}", view.id),
        Shape::Api => format!("/api/v1/orders/{}", view.id),
        Shape::Envelope => format!("/orders/{}", view.id),
    };
    let reply = match shape {
        Shape::V1 => Reply::of(200, &Created::from(&view))?,
        Shape::Api => Reply::of(200, &ApiOrder::coded(view))?,
        Shape::Envelope => Reply::of(
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
