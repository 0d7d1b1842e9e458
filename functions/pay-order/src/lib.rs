//! Payments: `POST /v1/order/{id}/pay`, and the provider's `POST /v1/payment/callback`.

use contract::api::order::PayRequest;
use domain::{OrderId, Rejection, Status};
use guest::{Call, Fault, Reply, config};
use shop::transition::{Change, change};
use shop::{caller, order_reply};

guest::http_function!(pay);

async fn pay(mut call: Call) -> Result<Reply, Fault> {
    if call.method() != "POST" {
        return Err(Rejection::MethodNotAllowed.into());
    }
    let in_path = order_in(&call.segments())?;
    let payment = PayRequest::parse(&call.json_body().await?)?;
    let id = match (in_path, &payment.order_id) {
        (Some(id), _) => id,
        (None, Some(text)) => OrderId::named(text)?,
        (None, None) => return Err(Rejection::invalid("order_id", "is required").into()),
    };
    let wanted = Change {
        id,
        to: Status::Paid,
        actor: caller::actor(&call.caller),
        owner: caller::named(payment.user, &call)?.map(|user| user.id),
        reason: None,
        payment_id: payment.payment_id.as_deref(),
        trace_id: &call.trace_id,
    };
    let order = change(config::config().await?, wanted).await?;
    Ok(order_reply::v1(&order)?.stale_order(order.id, order.user.id))
}

/// The order that a path names; `None` for the callback, whose body names it.
fn order_in(segments: &[String]) -> Result<Option<OrderId>, Rejection> {
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments[..] {
        [.., "payment", "callback"] => Ok(None),
        [.., id, "pay"] => OrderId::named(id).map(Some),
        _ => Err(Rejection::NoRoute),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let of = |path: &str| order_in(&path.split('/').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(of("v1/order/77/pay"), Ok(OrderId::new(77)));
        assert_eq!(of("v1/payment/callback"), Ok(None));
        assert_eq!(of("v1/order/77"), Err(Rejection::NoRoute));
        assert!(matches!(
            of("v1/order/x/pay"),
            Err(Rejection::UnknownOrder(_))
        ));
    }
}
