//! Hands messages to the writer: what it writes are orders; what it refuses and what cannot be parsed are failures.

use super::{Message, Purchases};
use crate::loops::failures::{Failed, Failures, Ids};
use crate::loops::intake::write::Writer;
use crate::loops::intake::{Pending, Written};

/// Makes orders or failures of messages.
#[derive(Clone)]
pub struct OrdersOrFailures {
    /// Inserts the orders.
    pub writer: Writer,
    /// Keeps the messages that did not become orders.
    pub failures: Failures,
}

impl Purchases for OrdersOrFailures {
    async fn take_in(&self, messages: &[Message<'_>]) -> anyhow::Result<()> {
        let readable = messages.iter().filter_map(|one| one.purchase.clone().ok());
        let pending: Vec<Pending> = readable.map(Pending::Foreign).collect();
        let written = match pending.is_empty() {
            true => Vec::new(),
            false => self.writer.write(&pending).await?,
        };
        self.failures.record(&failures(messages, written)).await
    }
}

/// `written`: the outcomes of the readable messages, in their order.
fn failures(messages: &[Message<'_>], written: Vec<Written>) -> Vec<Failed> {
    let mut written = written.into_iter();
    let mut failures = Vec::new();
    for message in messages {
        let (ids, error, last) = match &message.purchase {
            // What cannot be read now cannot be read later.
            Err(reason) => (Ids::default(), reason.clone(), true),
            Ok(purchase) => match written.next() {
                Some(Written::Refused(refusal)) => (purchase.into(), refusal.reason, refusal.last),
                // Kept and retried, so that messages of other shards behind it go on.
                Some(Written::Away(reason)) => (purchase.into(), reason, false),
                _ => continue,
            },
        };
        failures.push(Failed {
            source: message.bus.source(),
            message_id: message.id.clone(),
            raw: message.raw.to_vec(),
            ids,
            error,
            last,
        });
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loops::intake::Refusal;
    use crate::loops::seckill_source::Bus;
    use contract::wire::seckill_message::ForeignPurchase;
    use domain::{Cents, OrderId, ProductId};

    #[test]
    fn each_failure_has_the_message_it_is_about() {
        let purchase = |user| ForeignPurchase {
            user,
            product: ProductId(1),
            quantity: 1,
            price: Cents::ZERO,
            seckill_id: "s".to_owned(),
            at: 0,
        };
        let message = |id: &str, purchase| Message {
            bus: Bus::RabbitMq,
            id: id.to_owned(),
            raw: b"raw",
            purchase,
        };
        let messages = [
            message("a", Err("is no valid JSON".to_owned())),
            message("b", Ok(purchase(1))),
            message("c", Ok(purchase(2))),
            message("d", Ok(purchase(3))),
        ];
        let order = OrderId::new(4096).unwrap();
        let written = vec![
            Written::New(order),
            Written::Refused(Refusal::now("product 1 does not exist")),
            Written::Known(order),
        ];
        let failures = failures(&messages, written);
        let told: Vec<_> = failures
            .iter()
            .map(|one| (one.message_id.as_str(), one.ids.user, one.last))
            .collect();
        assert_eq!(told, [("a", None, true), ("c", Some(2), false)]);
        assert_eq!(failures[0].source.name(), "rabbitmq");
        assert_eq!(failures[0].raw, b"raw");
    }
}
