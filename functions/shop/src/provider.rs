//! The shop's payment provider, which collects what an order costs. A buyer's word pays nothing: the provider's does.
//! Its interface: docs/decisions/0027.

use crate::payment::Payment;
use bytes::Bytes;
use contract::api::amount::Amount;
use contract::api::order::{Collect, Collected, CollectedStatus};
use domain::{Order, OrderId, Rejection};
use futures::future::{Either, select};
use guest::Fault;
use guest::config::Config;
use http_body_util::Full;
use std::pin::pin;
use std::time::Duration;

/// The provider has this long to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// Characters of the longest address of a page that is passed on.
const URL_CHARS_MAX: usize = 2_048;

/// A payment that the provider was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// As the provider knows it. Made of the order's id, so that a repeat asks for no other payment, and no other order
    /// can use it.
    pub payment_id: String,
    /// Whether the provider has the money.
    pub is_paid: bool,
    /// Where the buyer goes on.
    pub checkout_url: Option<String>,
}

/// The id of the payment that the provider collects for an order.
pub fn payment_id(order: OrderId) -> String {
    format!("order-{order}")
}

/// Asks the provider to collect what an order costs. May be repeated.
///
/// # Errors
/// `NoProvider` where there is none, `PaymentDeclined` where it refuses; where the provider or a shard is away.
pub async fn collect(config: &Config, order: &Order) -> Result<Asked, Fault> {
    let url = config.payment_url.as_deref().ok_or(Rejection::NoProvider)?;
    let payment_id = payment_id(order.id);
    let payment = Payment {
        id: &payment_id,
        order: order.id,
        amount: Some(order.actual),
    };
    // Recorded first: whatever happens to this request, the relay asks what became of the payment.
    payment.ask_for(config).await?;
    let body = Collect {
        payment_id: payment_id.clone(),
        order_id: order.id.to_string(),
        amount: Amount(order.actual),
    };
    let collected = post(url, &body).await?;
    let is_of_it = collected
        .amount
        .is_none_or(|Amount(amount)| amount == order.actual);
    match collected.status {
        CollectedStatus::Failed => Err(Rejection::PaymentDeclined(payment_id).into()),
        // Of another amount: its report says so, and puts it down for a refund.
        status => Ok(Asked {
            payment_id,
            is_paid: status == CollectedStatus::Paid && is_of_it,
            checkout_url: collected
                .checkout_url
                .filter(|url| url.chars().count() <= URL_CHARS_MAX),
        }),
    }
}

async fn post(url: &str, body: &Collect) -> Result<Collected, Fault> {
    let body = serde_json::to_vec(body).map_err(|error| Fault::Internal(error.to_string()))?;
    let request = http::Request::post(format!("{}/payments", url.trim_end_matches('/')))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|_| Fault::Internal("variable payment_url is not acceptable".to_owned()))?;
    let answered = pin!(guest::http::send(request, ANSWER_BYTES_MAX));
    let (status, answer) = match select(answered, pin!(guest::clock::sleep(TIMEOUT))).await {
        Either::Left((answer, _)) => answer.map_err(away)?,
        Either::Right(_) => return Err(away("no answer in time")),
    };
    match status.is_success() {
        true => serde_json::from_slice(&answer)
            .map_err(|error| away(format!("answered what cannot be read: {error}"))),
        false => Err(away(format!("answered {status}"))),
    }
}

fn away(reason: impl ToString) -> Fault {
    Fault::Unavailable {
        backend: "payment provider",
        reason: reason.to_string(),
    }
}
