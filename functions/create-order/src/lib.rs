//! `POST /v1/order/create`, `/api/v1/orders` and `/orders`: places an order once per idempotency key. A GET on the
//! latter two lists orders, as routes do not depend on the method. How an order is placed: `shop::place`.

mod reply;
mod request;

use contract::wire::cache;
use domain::Rejection;
use guest::shape::Shape;
use guest::{Call, Fault, Reply, config, limit};
use shop::{listing, place};

guest::http_function!(create);

async fn create(mut call: Call) -> Result<Reply, Fault> {
    let shape = Shape::of(call.path());
    match call.method() {
        "POST" => {}
        "GET" if shape != Shape::V1 => return listing::answer(&call, shape, None).await,
        _ => return Err(Rejection::MethodNotAllowed.into()),
    }
    let body = call.json_body().await?;
    let request = request::read(&call, &body)?;
    let request = request.limited_to(limit::of_named_user(&call.caller).await?);
    let config = config::config().await?;
    let placed = place::place(config, &request, &call.trace_id).await?;
    let queued = placed.queued;
    let reply = reply::render(placed, shape)?;
    // An order that is only accepted is in no list yet; the relay invalidates lists when it is.
    Ok(if queued {
        reply
    } else {
        reply.stale([cache::user(request.user.id).as_str(), cache::ORDERS])
    })
}
