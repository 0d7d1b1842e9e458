//! `CancelOrder` and `UpdateOrderStatus`.

use contract::api::order::{Cancelled, call, change};
use contract::wire::cache;
use domain::{Order, Status};
use guest::{Fault, config};
use proto::order::v1::{
    CancelOrderRequest, CancelOrderResponse, UpdateOrderStatusRequest, UpdateOrderStatusResponse,
};
use shop::caller;
use shop::transition::{self, Change};
use tonic::{Request, Response};

pub async fn cancel(
    request: Request<CancelOrderRequest>,
    trace_id: &str,
) -> Result<Response<CancelOrderResponse>, Fault> {
    let (caller, request) = (grpc::caller(&request), request.into_inner());
    let reason = change::reason(Some(request.reason))?;
    let wanted = Change {
        id: call::order(request.order_id)?,
        to: Status::Cancelled,
        actor: caller::actor(&caller),
        owner: Some(caller::in_message(request.user_id, &caller)?.id),
        reason: reason.as_deref(),
        payment_id: None,
        amount: None,
        trace_id,
    };
    let order = transition::change(config::config().await?, wanted).await?;
    let Cancelled {
        success, message, ..
    } = Cancelled::new();
    Ok(changed(&order, CancelOrderResponse { success, message }))
}

pub async fn set_status(
    request: &UpdateOrderStatusRequest,
    trace_id: &str,
) -> Result<Response<UpdateOrderStatusResponse>, Fault> {
    let owner = match request.user_id {
        // The back office knows the order, not always its buyer.
        0 => None,
        named => Some(call::user(named)?.id),
    };
    let wanted = Change {
        id: call::order(request.order_id)?,
        to: change::status(&request.status)?,
        actor: caller::back_office(),
        owner,
        reason: None,
        payment_id: None,
        amount: None,
        trace_id,
    };
    let order = transition::change(config::config().await?, wanted).await?;
    Ok(changed(&order, UpdateOrderStatusResponse { success: true }))
}

/// The reply, after which no host shows the order as it was.
fn changed<T>(order: &Order, message: T) -> Response<T> {
    let mut response = Response::new(message);
    let groups = cache::of_order(order.id, order.user.id);
    grpc::stale(&mut response, groups.iter().map(String::as_str));
    response
}
