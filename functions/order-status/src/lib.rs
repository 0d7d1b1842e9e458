//! Moves an order on: `POST /v1/order/{id}/pay`, `POST /v1/payment/callback`, and the back office's
//! `PUT /api/v1/orders/{id}/status`, which may skip states and take back what is paid.

mod route;

use contract::api::order::{ApiOrder, OrderEnvelope, OrderView, PayRequest, StatusRequest};
use domain::{Order, OrderId, Rejection, Status};
use guest::{Call, Fault, Reply, config};
use route::Route;
use shop::caller;
use shop::transition::{Change, change};

guest::http_function!(move_on);

async fn move_on(mut call: Call) -> Result<Reply, Fault> {
    let route = Route::of(call.method(), &call.segments())?;
    let body = call.json_body().await?;
    match route {
        Route::Pay { id } => pay(&call, Some(id), &body).await,
        Route::PaymentCallback => pay(&call, None, &body).await,
        Route::SetStatus { id } => set_status(&call, id, &body).await,
    }
}

/// A payment: of the order in the path, or of the one the provider's callback names.
async fn pay(call: &Call, id: Option<OrderId>, body: &[u8]) -> Result<Reply, Fault> {
    let payment = PayRequest::parse(body)?;
    let id = match (id, &payment.order_id) {
        (Some(id), _) => id,
        (None, Some(text)) => {
            OrderId::parse(text).ok_or_else(|| Rejection::UnknownOrder(text.clone()))?
        }
        (None, None) => return Err(Rejection::invalid("order_id", "is required").into()),
    };
    let wanted = Change {
        id,
        to: Status::Paid,
        actor: caller::shopper(),
        owner: caller::named(payment.user, call)?.map(|user| user.id),
        reason: None,
        payment_id: payment.payment_id.as_deref(),
        trace_id: &call.trace_id,
    };
    let order = change(config::config().await?, wanted).await?;
    Ok(v1(&order)?.stale_order(order.id, order.user.id))
}

async fn set_status(call: &Call, id: OrderId, body: &[u8]) -> Result<Reply, Fault> {
    let (to, reason) = StatusRequest::parse(body)?;
    let wanted = Change {
        id,
        to,
        actor: caller::back_office(),
        owner: None,
        reason: reason.as_deref(),
        payment_id: None,
        trace_id: &call.trace_id,
    };
    let order = change(config::config().await?, wanted).await?;
    let reply = if call.path().starts_with("/api/v1/") {
        Reply::of(200, &ApiOrder::coded(OrderView::from(&order)))
    } else {
        v1(&order)
    };
    Ok(reply?.stale_order(order.id, order.user.id))
}

fn v1(order: &Order) -> Result<Reply, Fault> {
    let json = OrderView::from(order)
        .json()
        .map_err(|error| Fault::Internal(error.to_string()))?;
    Ok(Reply::json(200, OrderEnvelope::around(&json).into_bytes()))
}
