//! `GetOrderDetail` and `ListOrders`: the orders of the user that the message names, of nobody else.

use super::message;
use contract::api::order::{OrderView, call};
use contract::api::page::Page;
use guest::shape::Shape;
use guest::{Fault, config};
use proto::order::v1::{
    GetOrderDetailRequest, GetOrderDetailResponse, ListOrdersRequest, ListOrdersResponse,
};
use shop::listing::filter::Filter;
use shop::{caller, listing, one_order};
use tonic::{Request, Response};

pub async fn one(
    request: &Request<GetOrderDetailRequest>,
    trace_id: &str,
) -> Result<Response<GetOrderDetailResponse>, Fault> {
    let (caller, request) = (grpc::caller(request), request.get_ref());
    let user = caller::in_message(request.user_id, &caller)?;
    let id = call::order(request.order_id)?.to_string();
    let config = config::config().await?;
    let found = one_order::find(config, &id, Some(&user), trace_id).await?;
    let order = message::order(&view(&found.json)?, user.id)?;
    Ok(Response::new(GetOrderDetailResponse { order: Some(order) }))
}

pub async fn list(
    request: &Request<ListOrdersRequest>,
) -> Result<Response<ListOrdersResponse>, Fault> {
    let (caller, request) = (grpc::caller(request), request.get_ref());
    let user = caller::in_message(request.user_id, &caller)?;
    let owner = user.id;
    // As the query of the HTTP route would have it.
    let number = |number: i32| (number != 0).then(|| number.to_string());
    let query = |name: &str| match name {
        "page" => number(request.page),
        "page_size" => number(request.page_size),
        "status" => Some(request.status.clone()).filter(|status| !status.is_empty()),
        _ => None,
    };
    let page = Page::parse(&query)?;
    let filter = Filter::of_list(None, Some(user), &query)?;
    let found = listing::find(config::config().await?, &filter, page, Shape::V1).await?;
    let orders = found.orders.iter();
    let orders: Result<Vec<_>, Fault> = orders
        .map(|json| message::order(&view(json.get())?, owner))
        .collect();
    let total = message::whole(found.total, "total")?;
    Ok(Response::new(ListOrdersResponse {
        orders: orders?,
        total,
    }))
}

fn view(json: &str) -> Result<OrderView, Fault> {
    serde_json::from_str(json)
        .map_err(|error| Fault::Internal(format!("an order cannot be read: {error}")))
}
