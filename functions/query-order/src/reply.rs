//! The reply of one order, in the shape of its route.

use contract::api::order::envelope::ORDER_FOUND;
use contract::api::order::{ApiOrder, Envelope, EnvelopeOrder, OrderEnvelope, OrderView};
use guest::shape::Shape;
use guest::{Fault, Reply};

/// One order, from its JSON on `/v1`, which that shape takes as it is.
pub fn one(shape: Shape, json: &str) -> Result<Reply, Fault> {
    let view = || -> Result<OrderView, Fault> {
        serde_json::from_str(json)
            .map_err(|error| Fault::Internal(format!("a cached order cannot be read: {error}")))
    };
    match shape {
        Shape::V1 => Ok(Reply::json(200, OrderEnvelope::around(json).into_bytes())),
        Shape::Api => Reply::of(200, &ApiOrder::coded(view()?)),
        Shape::Envelope => {
            let order = EnvelopeOrder::from(&view()?);
            Reply::of(200, &Envelope::success(ORDER_FOUND, order))
        }
    }
}
