//! Payments: `POST /v1/order/{id}/pay`, and the provider's `POST /v1/payment/callback`.

use contract::api::amount::Amount;
use contract::api::order::{PayRequest, Payment, PaymentAsked};
use contract::api::problem::Code;
use domain::{OrderId, Rejection, Role, Status};
use guest::{Call, Caller, Fault, Reply, config};
use shop::transition::{Change, change, payable};
use shop::{caller, order_reply, provider};

guest::http_function!(pay);

async fn pay(mut call: Call) -> Result<Reply, Fault> {
    if call.method() != "POST" {
        return Err(Rejection::MethodNotAllowed.into());
    }
    let in_path = order_in(&call.segments())?;
    let payment = PayRequest::parse(&call.json_body().await?)?;
    match in_path {
        Some(id) if call.caller.role() == Role::User && is_known(&call) => {
            by_provider(&call, id, &payment).await
        }
        Some(id) => reported(&call, id, &payment).await,
        None => {
            if is_known(&call) {
                complete(&payment)?;
            }
            let named = payment.order_id.as_deref();
            let named = named.ok_or_else(|| Rejection::invalid("order_id", "is required"))?;
            let id = OrderId::named(named)?;
            let answered = reported(&call, id, &payment).await;
            answered.map_err(|fault| late(fault, id))
        }
    }
}

/// Whether the caller's own word says who it is: in mode `compat` a request may say anything.
fn is_known(call: &Call) -> bool {
    !matches!(call.caller, Caller::Trusted { .. })
}

/// A buyer pays: the provider collects the money.
async fn by_provider(call: &Call, id: OrderId, payment: &Payment) -> Result<Reply, Fault> {
    let config = config::config().await?;
    let owner = caller::named(payment.user.clone(), call)?;
    let owner = owner.ok_or_else(|| Rejection::UnknownOrder(id.to_string()))?;
    let order = payable(config, id, owner.id).await?;
    if order.status != Status::Pending {
        // A repeat whose answer was lost.
        return order_reply::v1(&order);
    }
    if let Some(paid) = payment.amount.filter(|amount| *amount != order.actual) {
        let due = order.actual;
        return Err(Rejection::PaymentAmount { paid, due }.into());
    }
    let asked = provider::collect(config, &order).await?;
    if asked.paid.is_some() {
        let paid = Payment {
            payment_id: Some(asked.payment_id),
            amount: asked.paid,
            ..payment.clone()
        };
        return reported(call, id, &paid).await;
    }
    let reply = PaymentAsked {
        code: Code::Success.number(),
        order_id: id.to_string(),
        payment_id: asked.payment_id,
        amount: Amount(order.actual),
        status: "pending",
        checkout_url: asked.checkout_url,
    };
    Reply::of(202, &reply)
}

/// Somebody who may say so says that the order is paid.
async fn reported(call: &Call, id: OrderId, payment: &Payment) -> Result<Reply, Fault> {
    let wanted = Change {
        id,
        to: Status::Paid,
        actor: caller::actor(&call.caller),
        owner: caller::named(payment.user.clone(), call)?.map(|user| user.id),
        reason: None,
        payment_id: payment.payment_id.as_deref(),
        amount: payment.amount,
        trace_id: &call.trace_id,
    };
    let order = change(config::config().await?, wanted).await?;
    Ok(order_reply::v1(&order)?.stale_order(order.id, order.user.id))
}

/// A report for an order that was cancelled has a code of its own: the money is there.
fn late(fault: Fault, id: OrderId) -> Fault {
    match fault {
        Fault::Rejected(Rejection::IllegalTransition {
            from: Status::Cancelled,
            ..
        }) => Rejection::PaymentLate(id).into(),
        fault => fault,
    }
}

/// A report says of which payment it is, and of how much; old clients in mode `compat` may leave it out.
fn complete(payment: &Payment) -> Result<(), Rejection> {
    let missing = match payment {
        Payment {
            payment_id: None, ..
        } => "payment_id",
        Payment { amount: None, .. } => "amount",
        _ => return Ok(()),
    };
    Err(Rejection::invalid(missing, "is required"))
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
