//! The replies of reads, in the shape of the route.

use crate::list::Found;
use crate::route::Shape;
use contract::order::envelope::{ORDER_FOUND, ORDERS_FOUND};
use contract::order::{
    ApiOrder, ApiOrders, Envelope, EnvelopeOrder, EnvelopeOrders, OrderEnvelope, OrderView, Orders,
};
use contract::page::Page;
use contract::problem::Code;
use guest::{Fault, Reply};

/// One order, from its canonical JSON. `/v1` takes it as it is.
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

pub fn many(shape: Shape, found: Found, page: Page) -> Result<Reply, Fault> {
    let Found {
        orders,
        total,
        exact: total_exact,
    } = found;
    let views = orders.iter().map(OrderView::from);
    let code = Code::Success.number();
    let (number, page_size) = (page.number, page.size);
    match shape {
        Shape::V1 => {
            let orders = views.collect();
            let page = number;
            Reply::of(
                200,
                &Orders {
                    code,
                    orders,
                    total,
                    total_exact,
                    page,
                    page_size,
                },
            )
        }
        Shape::Api => {
            let orders = views.map(ApiOrder::from).collect();
            let page = number;
            Reply::of(
                200,
                &ApiOrders {
                    code,
                    orders,
                    total,
                    total_exact,
                    page,
                    page_size,
                },
            )
        }
        Shape::Envelope => {
            let orders = views.map(|view| EnvelopeOrder::from(&view)).collect();
            let data = EnvelopeOrders {
                orders,
                total,
                page: number,
                page_size,
            };
            Reply::of(200, &Envelope::success(ORDERS_FOUND, data))
        }
    }
}
