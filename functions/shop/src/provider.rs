//! The shop's payment provider, which collects what an order costs. A buyer's word pays nothing: the provider's does.
//! Its interface: docs/decisions/0027.

use crate::payment::Payment;
use bytes::Bytes;
use contract::api::amount::Amount;
use contract::api::order::{Collect, Collected, CollectedStatus};
use domain::{Cents, Order, OrderId, Rejection};
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
/// What the ids of its payments begin with.
const PREFIX: &str = "order-";
/// Payments that a buyer may begin for one order.
const ATTEMPTS_MAX: u32 = 20;

/// A payment that the provider was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// As the provider knows it. Made of the order's id, so that a repeat asks for no other payment, and no other order
    /// can use it.
    pub payment_id: String,
    /// The money that the provider has; `None` while it has none.
    pub paid: Option<Cents>,
    /// Where the buyer goes on.
    pub checkout_url: Option<String>,
}

/// The id of an order's payment by the provider, the first or a further attempt. Where one has ended without paying the
/// order, the next has another id, as nothing can come of the first any more.
fn payment_id(order: OrderId, attempt: u32) -> String {
    match attempt {
        0 | 1 => format!("{PREFIX}{order}"),
        _ => format!("{PREFIX}{order}-{attempt}"),
    }
}

/// The order whose payment by the provider has this id; `None` where it is an id of somebody else's making.
pub fn order_of(payment_id: &str) -> Option<OrderId> {
    let rest = payment_id.strip_prefix(PREFIX)?;
    let (order, attempt) = rest.split_once('-').unwrap_or((rest, "1"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match is_number(order) && is_number(attempt) {
        true => OrderId::parse(order),
        false => None,
    }
}

/// Asks the provider to collect what an order costs. May be repeated.
///
/// # Errors
/// `NoProvider` where there is none, `PaymentDeclined` where it refuses, or has refused too often; where the provider
/// or a shard is away.
pub async fn collect(config: &Config, order: &Order) -> Result<Asked, Fault> {
    let url = config.payment_url.as_deref().ok_or(Rejection::NoProvider)?;
    for attempt in 1..=ATTEMPTS_MAX {
        let payment_id = payment_id(order.id, attempt);
        let payment = Payment {
            id: &payment_id,
            order: order.id,
            amount: None,
        };
        // Recorded first: whatever happens to this request, the relay asks what became of the payment.
        if payment.ask_for(config).await? {
            let collected = post(url, payment, order.actual).await?;
            if collected.status == CollectedStatus::Failed {
                payment.decline(config).await?;
                return Err(Rejection::PaymentDeclined(payment_id).into());
            }
            return Ok(asked(payment_id, collected, order));
        }
    }
    Err(Rejection::PaymentDeclined(payment_id(order.id, ATTEMPTS_MAX)).into())
}

fn asked(payment_id: String, collected: Collected, order: &Order) -> Asked {
    Asked {
        payment_id,
        paid: match (collected.status, collected.amount) {
            (CollectedStatus::Paid, None) => Some(order.actual),
            // Where it is of another amount, it is put down for a refund, as a report would be.
            (CollectedStatus::Paid, Some(Amount(amount))) => Some(amount),
            _ => None,
        },
        checkout_url: collected
            .checkout_url
            .filter(|url| url.chars().count() <= URL_CHARS_MAX),
    }
}

async fn post(url: &str, payment: Payment<'_>, amount: Cents) -> Result<Collected, Fault> {
    let body = Collect {
        payment_id: payment.id.to_owned(),
        order_id: payment.order.to_string(),
        amount: Amount(amount),
    };
    let body = serde_json::to_vec(&body).map_err(|error| Fault::Internal(error.to_string()))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_of_one_order() {
        let id = OrderId::new(4_096).unwrap();
        assert_eq!(payment_id(id, 1), "order-4096");
        assert_eq!(payment_id(id, 2), "order-4096-2");
        for attempt in 1..=ATTEMPTS_MAX {
            assert_eq!(order_of(&payment_id(id, attempt)), Some(id), "{attempt}");
        }
        for other in [
            "pay-1",
            "order-",
            "order-x",
            "order-4096-",
            "order-4096-x",
            "order--2",
            "order-0",
            "4096",
            "order-4096-2-3",
            "order-99999999999999999999",
        ] {
            assert_eq!(order_of(other), None, "{other}");
        }
    }
}
