//! `CreateOrder`: places an order once per idempotency key. Without a key, the same order again within seconds is
//! refused, as on `/v1`.

use super::message;
use contract::api::order::{LineCall, OrderCall};
use contract::api::{idempotency_key, prefer};
use contract::wire::cache;
use domain::Rejection;
use guest::{Caller, Fault, config, limit};
use proto::order::v1::{CreateOrderRequest, CreateOrderResponse, OrderItem};
use shop::caller;
use shop::place::{self, Placed, Repeats};
use tonic::metadata::MetadataMap;
use tonic::{Request, Response};

pub async fn create(
    request: Request<CreateOrderRequest>,
    trace_id: &str,
) -> Result<Response<CreateOrderResponse>, Fault> {
    let caller = grpc::caller(&request);
    let (metadata, _, message) = request.into_parts();
    let request = read(&metadata, message, &caller)?;
    let request = request.limited_to(limit::of_named_user(&caller).await?);
    let placed = place::place(config::config().await?, &request, trace_id).await?;
    let mut response = Response::new(message::created(&placed.order)?);
    let Placed {
        replayed, queued, ..
    } = placed;
    if replayed {
        grpc::set(&mut response, "idempotent-replayed", "true");
    }
    if queued {
        grpc::set(&mut response, "preference-applied", prefer::RESPOND_ASYNC);
    } else {
        let lists = cache::user(request.user.id);
        grpc::stale(&mut response, [lists.as_str(), cache::ORDERS]);
    }
    Ok(response)
}

fn read(
    metadata: &MetadataMap,
    message: CreateOrderRequest,
    caller: &Caller,
) -> Result<place::Request, Rejection> {
    let user = caller::in_message(message.user_id, caller)?;
    let draft = OrderCall {
        user_id: message.user_id,
        items: message.items.into_iter().map(line).collect(),
        shipping_address: message.shipping_address,
        remark: message.remark,
        payment_method: message.payment_method,
    };
    let draft = draft.draft()?;
    let repeats = match idempotency_key::of(&grpc::idempotency_keys(metadata), None)? {
        Some(key) => Repeats::by_key(&key),
        None => Repeats::ByPayload,
    };
    let respond_async = prefer::respond_async(grpc::preferences(metadata));
    Ok(place::Request::new(user, draft, repeats, respond_async))
}

fn line(item: OrderItem) -> LineCall {
    LineCall {
        product_id: item.product_id,
        sku_id: item.sku_id,
        product_name: item.product_name,
        product_image: item.product_image,
        price: item.price,
        quantity: item.quantity,
    }
}
