//! The reply of an order, placed or accepted, in the shape of the route it was placed on.

use contract::api::order::envelope::{ORDER_ACCEPTED, ORDER_CREATED};
use contract::api::order::{ApiOrder, Created, Envelope, EnvelopeOrder, OrderView};
use contract::api::prefer::RESPOND_ASYNC;
use guest::shape::Shape;
use guest::{Fault, Reply};
use shop::place::Placed;

pub fn render(placed: Placed, shape: Shape) -> Result<Reply, Fault> {
    let view = placed.order;
    let location = match shape {
        Shape::V1 => format!("/v1/order/{}", view.id),
        Shape::Api => format!("/api/v1/orders/{}", view.id),
        Shape::Envelope => format!("/orders/{}", view.id),
    };
    let status = if placed.queued { 202 } else { 200 };
    let reply = match shape {
        Shape::V1 => Reply::of(status, &Created::from(&view))?,
        Shape::Api => Reply::of(status, &ApiOrder::coded(view))?,
        Shape::Envelope => Reply::of(status, &enveloped(placed.queued, &view))?,
    };
    let mut reply = reply.with("location", location);
    if placed.queued {
        reply = reply.with("preference-applied", RESPOND_ASYNC);
    }
    Ok(if placed.replayed {
        reply.with("idempotent-replayed", "true")
    } else {
        reply
    })
}

fn enveloped(queued: bool, view: &OrderView) -> Envelope<EnvelopeOrder> {
    let order = EnvelopeOrder::from(view);
    if queued {
        Envelope::accepted(ORDER_ACCEPTED, order)
    } else {
        Envelope::success(ORDER_CREATED, order)
    }
}
