//! Reads the request: the buyer, the idempotency key, and whether it waits for the order to be written.

use contract::api::order::CreateOrderRequest;
use contract::api::{idempotency_key, prefer};
use domain::Rejection;
use guest::Call;
use guest::shape::Shape;
use shop::caller;
use shop::place::{Repeats, Request};

pub fn read(call: &Call, body: &[u8]) -> Result<Request, Rejection> {
    let draft = CreateOrderRequest::parse(body)?;
    let user = caller::buyer(draft.user.clone(), call)?;
    let lines = call.header_lines("idempotency-key");
    let repeats = match idempotency_key::of(&lines, draft.idempotency_key.as_deref())? {
        Some(key) => Repeats::by_key(&key),
        // A load test sends one body many times to the other routes and means as many orders.
        None if Shape::of(call.path()) == Shape::V1 => Repeats::ByPayload,
        None => Repeats::Never,
    };
    let lines = call.header_all("prefer");
    let respond_async = prefer::respond_async(lines.iter().map(String::as_str));
    Ok(Request::new(user, draft, repeats, respond_async))
}
