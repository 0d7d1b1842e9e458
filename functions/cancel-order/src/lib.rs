//! `POST|PUT /v1/order/{id}/cancel`, `/api/v1/orders/{id}/cancel` and `/orders/{id}/cancel`: cancels a pending order.
//! Its stock comes back through the outbox, once.

use contract::api::order::envelope::ORDER_CANCELLED;
use contract::api::order::{CancelRequest, Cancelled, Envelope, EnvelopeOrder, OrderView};
use domain::{OrderId, Rejection, Status};
use guest::shape::Shape;
use guest::{Call, Fault, Reply, config};
use shop::caller;
use shop::transition::{Change, change};

guest::http_function!(cancel);

async fn cancel(mut call: Call) -> Result<Reply, Fault> {
    if !matches!(call.method(), "POST" | "PUT") {
        return Err(Rejection::MethodNotAllowed.into());
    }
    let id = order_id(&call.segments())?;
    let body = call.json_body().await?;
    let (user, reason) = CancelRequest::parse(&body)?;
    let named = caller::named(user, &call)?;
    let wanted = Change {
        id,
        to: Status::Cancelled,
        actor: caller::actor(&call.caller),
        owner: named.map(|user| user.id),
        reason: reason.as_deref(),
        payment_id: None,
        amount: None,
        trace_id: &call.trace_id,
    };
    let order = change(config::config().await?, wanted).await?;
    let reply = match Shape::of(call.path()) {
        Shape::Envelope => {
            let order = EnvelopeOrder::from(&OrderView::from(&order));
            Reply::of(200, &Envelope::success(ORDER_CANCELLED, order))
        }
        Shape::V1 | Shape::Api => Reply::of(200, &Cancelled::new()),
    };
    Ok(reply?.stale_order(order.id, order.user.id))
}

/// The segment before `cancel`.
fn order_id(segments: &[String]) -> Result<OrderId, Rejection> {
    match segments {
        [.., id, last] if last == "cancel" => OrderId::named(id),
        _ => Err(Rejection::NoRoute),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_named_before_the_verb() {
        let segments = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            order_id(&segments("v1/order/77/cancel")).map(OrderId::get),
            Ok(77)
        );
        assert_eq!(
            order_id(&segments("v1/order/x/cancel")),
            Err(Rejection::UnknownOrder("x".into()))
        );
        assert_eq!(order_id(&segments("v1/order/77")), Err(Rejection::NoRoute));
    }
}
