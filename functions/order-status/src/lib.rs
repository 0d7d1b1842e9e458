//! The back office sets an order's status: `PUT /api/v1/orders/{id}/status`, and the same on `/v1/order`. It may skip
//! states and cancel what is paid.

use contract::api::order::{ApiOrder, OrderView, StatusRequest};
use domain::{OrderId, Rejection};
use guest::{Call, Fault, Reply, config};
use shop::transition::{Change, change};
use shop::{caller, order_reply};

guest::http_function!(set_status);

async fn set_status(mut call: Call) -> Result<Reply, Fault> {
    if call.method() != "PUT" {
        return Err(Rejection::MethodNotAllowed.into());
    }
    let id = order_in(&call.segments())?;
    let (to, reason) = StatusRequest::parse(&call.json_body().await?)?;
    let wanted = Change {
        id,
        to,
        actor: caller::back_office(),
        owner: None,
        reason: reason.as_deref(),
        payment_id: None,
        amount: None,
        trace_id: &call.trace_id,
    };
    let order = change(config::config().await?, wanted).await?;
    let reply = if call.path().starts_with("/api/v1/") {
        Reply::of(200, &ApiOrder::coded(OrderView::from(&order)))
    } else {
        order_reply::v1(&order)
    };
    Ok(reply?.stale_order(order.id, order.user.id))
}

fn order_in(segments: &[String]) -> Result<OrderId, Rejection> {
    match segments {
        [.., id, last] if last == "status" => OrderId::named(id),
        _ => Err(Rejection::NoRoute),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let of = |path: &str| order_in(&path.split('/').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(of("api/v1/orders/77/status").ok(), OrderId::new(77));
        assert_eq!(of("v1/order/77"), Err(Rejection::NoRoute));
        assert!(matches!(
            of("v1/order/x/status"),
            Err(Rejection::UnknownOrder(_))
        ));
    }
}
