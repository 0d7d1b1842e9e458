//! Payments by their ids. Each pays one order, whichever shards the orders are in. Its row is written before the order:
//! after a crash in between, a repeat of the payment continues from there. A payment that cannot pay its order is
//! marked in its row as to be refunded. A row has the amount that was reported, not the one that was asked for.

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
    "INSERT INTO t_payment (payment_id, gene, order_id, created_at, ask_at) VALUES (?, ?, ?, ?, ? + ",
    now_ms!(),
    ")"
);
/// The provider is asked for it once more: so the questions about it begin anew.
const ASK_ANEW: &str = concat!(
    "UPDATE t_payment SET asked = 0, ask_at = ? + ",
    now_ms!(),
    " WHERE payment_id = ? AND order_id = ? AND declined_at IS NULL AND refund_due_at IS NULL"
);
const DECLINE: &str = "UPDATE t_payment SET declined_at = ?, ask_at = NULL \
     WHERE payment_id = ? AND order_id = ? AND amount IS NULL AND refund_due_at IS NULL";
const FIND: &str = "SELECT order_id, amount, refund_due_at IS NOT NULL, declined_at IS NOT NULL \
     FROM t_payment WHERE payment_id = ?";
const AMOUNT: &str =
    "UPDATE t_payment SET amount = ? WHERE payment_id = ? AND order_id = ? AND amount IS NULL";
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

/// What is known of a payment.
struct Known {
    order: u64,
    amount: Option<Cents>,
    is_due: bool,
    is_declined: bool,
}

impl Payment<'_> {
    /// Records the payment for its order; a repeat changes nothing. The amount that was reported first counts.
    ///
    /// # Errors
    /// `PaymentUsed` where it is recorded for another order, `PaymentChanged` where it is recorded with another amount,
    /// or as one to be refunded although the order may be paid; where the shard is away.
    pub async fn take_in(self, config: &Config, is_payable: bool) -> Result<(), Fault> {
        let db = self.db(config);
        let values = vec![
            text(self.id),
            Value::Uint16(gene(self.id).get()),
            Value::Uint64(self.order.get()),
            self.amount
                .map_or(Value::DbNull, |amount| Value::Int64(amount.get())),
            Value::Uint64(clock::now()),
        ];
        if !is_known(execute(db, INSERT, values).await)? {
            return Ok(());
        }
        let mut known = self.find(db).await?;
        if let (None, Some(amount)) = (known.amount, self.amount) {
            let mut values = vec![Value::Int64(amount.get())];
            values.extend(self.key());
            execute(db, AMOUNT, values).await?;
            // Another report may have come first.
            known = self.find(db).await?;
        }
        let is_same =
            self.amount.is_none() || known.amount.is_none() || known.amount == self.amount;
        match is_same && !(known.is_due && is_payable) {
            true => Ok(()),
            false => Err(Rejection::PaymentChanged(self.id.to_owned()).into()),
        }
    }

    /// Records that the provider is asked to collect it, perhaps once more. Says whether it may be: one that was
    /// declined, or is to be refunded, has ended.
    ///
    /// # Errors
    /// `PaymentUsed` where it is recorded for another order; where the shard is away.
    pub async fn ask_for(self, config: &Config) -> Result<bool, Fault> {
        let db = self.db(config);
        let values = vec![
            text(self.id),
            Value::Uint16(gene(self.id).get()),
            Value::Uint64(self.order.get()),
            Value::Uint64(clock::now()),
            Value::Uint64(PAYMENT_ASK_MS),
        ];
        if !is_known(execute(db, INSERT_ASKED, values).await)? {
            return Ok(true);
        }
        let known = self.find(db).await?;
        if known.is_due || known.is_declined {
            return Ok(false);
        }
        let mut values = vec![Value::Uint64(PAYMENT_ASK_MS)];
        values.extend(self.key());
        execute(db, ASK_ANEW, values).await?;
        Ok(true)
    }

    /// Records that the provider gets no money by it: nobody asks about it any more.
    ///
    /// # Errors
    /// Where the shard is away.
    pub async fn decline(self, config: &Config) -> Result<(), Fault> {
        let mut values = vec![Value::Uint64(clock::now())];
        values.extend(self.key());
        Ok(execute(self.db(config), DECLINE, values).await?)
    }

    fn db<'a>(&self, config: &'a Config) -> Db<'a> {
        Db::at(config.shard_url(gene(self.id)))
    }

    fn key(self) -> [Value; 2] {
        [text(self.id), Value::Uint64(self.order.get())]
    }

    async fn find(self, db: Db<'_>) -> Result<Known, Fault> {
        let used = || Rejection::PaymentUsed(self.id.to_owned());
        let rows = db.query(FIND, vec![text(self.id)]).await?;
        let row = rows.first().ok_or_else(used)?;
        let known = Known {
            order: row.u64(0)?,
            amount: match row.is_null(1) {
                true => None,
                false => Cents::new(row.i64(1)?),
            },
            is_due: row.i64(2)? != 0,
            is_declined: row.i64(3)? != 0,
        };
        match known.order == self.order.get() {
            true => Ok(known),
            false => Err(used().into()),
        }
    }

    /// Records that the payment did not pay its order and is to be refunded; the first reason stays.
    pub async fn refund(self, config: &Config, reason: &str) -> Result<(), Fault> {
        let reason: String = reason.chars().take(REASON_CHARS_MAX).collect();
        let mut values = vec![Value::Uint64(clock::now()), text(&reason)];
        values.extend(self.key());
        execute(self.db(config), REFUND, values).await?;
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

/// Whether there is a row of this payment already.
fn is_known(inserted: Result<(), SqlError>) -> Result<bool, Fault> {
    match inserted {
        Ok(()) => Ok(false),
        Err(error) if error.kind == Kind::Duplicate => Ok(true),
        Err(error) => Err(error.into()),
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
