//! Payments by their ids. Each pays one order, whichever shards the orders are in. Its row is written before the order:
//! after a crash in between, a repeat of the payment continues from there. A payment that cannot pay its order is
//! marked in its row as to be refunded.

use contract::api::identity::hash;
use contract::now_ms;
use domain::limits::{PAYMENT_ASK_MS, REASON_CHARS_MAX};
use domain::{Cents, Gene, OrderId, Rejection, UserId};
use guest::Fault;
use guest::clock;
use guest::config::Config;
use guest::log::{self, Level};
use guest::mysql::{Db, SqlError, Value, text};
use guest::mysql_error::Kind;

const INSERT: &str =
    "INSERT INTO t_payment (payment_id, gene, order_id, amount, created_at) VALUES (?, ?, ?, ?, ?)";
/// Of a payment that the provider is asked to collect.
const INSERT_ASKED: &str = concat!(
    "INSERT INTO t_payment (payment_id, gene, order_id, amount, created_at, ask_at) VALUES (?, ?, ?, ?, ?, ? + ",
    now_ms!(),
    ")"
);
const FIND: &str =
    "SELECT order_id, amount, refund_due_at IS NOT NULL FROM t_payment WHERE payment_id = ?";
const REFUND: &str = "UPDATE t_payment SET refund_due_at = ?, refund_reason = ? \
     WHERE payment_id = ? AND order_id = ? AND refund_due_at IS NULL";

/// Attempts at a statement that the server asks to repeat.
const ATTEMPTS_MAX: u32 = 3;

/// A payment for an order.
#[derive(Clone, Copy, Debug)]
pub struct Payment<'a> {
    pub id: &'a str,
    pub order: OrderId,
    /// As it is reported; `None` where it is not.
    pub amount: Option<Cents>,
}

/// Decides the shard of a payment's row, as a user's gene does for orders.
fn gene(payment: &str) -> Gene {
    let [a, b, ..] = hash(&[payment.as_bytes()]);
    UserId::new(u64::from(u16::from_be_bytes([a, b]))).gene()
}

impl Payment<'_> {
    /// Records the payment for its order; a repeat changes nothing. What was recorded first counts.
    ///
    /// # Errors
    /// `PaymentUsed` where it is recorded for another order, `PaymentChanged` where it is recorded with another amount,
    /// or as one to be refunded although the order may be paid; where the shard is away.
    pub async fn take_in(self, config: &Config, is_payable: bool) -> Result<(), Fault> {
        self.record(config, INSERT, self.values(), is_payable).await
    }

    /// Records that the provider is asked to collect it; a repeat changes nothing.
    ///
    /// # Errors
    /// As [`take_in`](Self::take_in).
    pub async fn ask_for(self, config: &Config) -> Result<(), Fault> {
        let mut values = self.values();
        values.push(Value::Uint64(PAYMENT_ASK_MS));
        self.record(config, INSERT_ASKED, values, true).await
    }

    fn values(self) -> Vec<Value> {
        vec![
            text(self.id),
            Value::Uint16(gene(self.id).get()),
            Value::Uint64(self.order.get()),
            self.amount
                .map_or(Value::DbNull, |amount| Value::Int64(amount.get())),
            Value::Uint64(clock::now()),
        ]
    }

    async fn record(
        self,
        config: &Config,
        insert: &str,
        values: Vec<Value>,
        is_payable: bool,
    ) -> Result<(), Fault> {
        let db = Db::at(config.shard_url(gene(self.id)));
        match execute(db, insert, values).await {
            Ok(()) => return Ok(()),
            Err(error) if error.kind == Kind::Duplicate => {}
            Err(error) => return Err(error.into()),
        }
        let rows = db.query(FIND, vec![text(self.id)]).await?;
        let used = || Rejection::PaymentUsed(self.id.to_owned());
        let row = rows.first().ok_or_else(used)?;
        if row.u64(0)? != self.order.get() {
            return Err(used().into());
        }
        let recorded = match row.is_null(1) {
            true => None,
            false => Cents::new(row.i64(1)?),
        };
        let is_same = recorded.is_none() || self.amount.is_none() || recorded == self.amount;
        let is_due = row.i64(2)? != 0;
        match is_same && !(is_due && is_payable) {
            true => Ok(()),
            false => Err(Rejection::PaymentChanged(self.id.to_owned()).into()),
        }
    }

    /// Records that the payment did not pay its order and is to be refunded; the first reason stays.
    pub async fn refund(self, config: &Config, reason: &str) -> Result<(), Fault> {
        let db = Db::at(config.shard_url(gene(self.id)));
        let reason: String = reason.chars().take(REASON_CHARS_MAX).collect();
        let values = vec![
            Value::Uint64(clock::now()),
            text(&reason),
            text(self.id),
            Value::Uint64(self.order.get()),
        ];
        execute(db, REFUND, values).await?;
        let order = self.order.to_string();
        let fields = [
            ("payment_id", self.id),
            ("order_id", order.as_str()),
            ("reason", reason.as_str()),
        ];
        log::write(Level::Warn, "a payment is to be refunded", &fields);
        Ok(())
    }
}

/// Runs a statement, and again after a deadlock or a lock wait.
async fn execute(db: Db<'_>, statement: &str, values: Vec<Value>) -> Result<(), SqlError> {
    let mut attempt = 1;
    loop {
        match db.execute(statement, values.clone()).await {
            Err(error) if error.kind == Kind::Retry && attempt < ATTEMPTS_MAX => attempt += 1,
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn payments_are_spread_and_stay_where_they_are() {
        let genes: HashSet<u16> = (0..20_000)
            .map(|n| gene(&format!("pay-{n}")).get())
            .collect();
        assert!(genes.len() > 1_000, "{}", genes.len());
        // Stored rows depend on these genes.
        assert_eq!((gene("pay-1").get(), gene("pay-2").get()), (560, 980));
    }
}
