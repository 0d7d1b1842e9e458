//! Replies that several functions share.

use contract::api::order::{OrderEnvelope, OrderView};
use domain::Order;
use guest::{Fault, Reply};

/// An order as `/v1` shows it.
///
/// # Errors
/// Where it cannot be written as JSON.
pub fn v1(order: &Order) -> Result<Reply, Fault> {
    let json = OrderView::from(order)
        .json()
        .map_err(|error| Fault::Internal(error.to_string()))?;
    Ok(Reply::json(200, OrderEnvelope::around(&json).into_bytes()))
}
