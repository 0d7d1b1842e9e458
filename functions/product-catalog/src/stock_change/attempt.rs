//! One attempt of a stock change. It commits before its deadline or never, so that a later attempt, or the relay, may
//! take over what it has reserved in Redis.

use super::super::statement::{INSERT_STOCK, STOCK_PARAMETERS, STOCK_TIMES};
use super::Seen;
use super::statement::{ADD_UNITS, LOCK_PRODUCT, RECORD, SALES_FROM, TAKE_UNITS, VARIANTS};
use contract::api::product::{SKUS_MAX, StockChangeDraft};
use domain::limits::{INSERT_DEADLINE_MS, QUANTITY_MAX};
use domain::{Ms, ProductId, Rejection, StockMode};
use guest::Fault;
use guest::mysql::{Db, Value, text};
use guest::mysql_error::Kind;
use guest::redis::Redis;
use guest::transaction::{self, End, Plan, Stop, Transaction, Work};
use shop::inventory::{Taking, waits};

pub struct Attempt<'a> {
    pub redis: &'a Redis,
    pub db: Db<'a>,
    pub product: ProductId,
    pub draft: StockChangeDraft,
    /// Of the caller's key.
    pub key: [u8; 16],
    /// Of the draft.
    pub hash: [u8; 16],
    pub trace_id: &'a str,
}

impl Attempt<'_> {
    /// Makes the change, or leaves nothing behind. Where its end is unknown, units that were taken stay reserved: a
    /// repeat or the relay finds out.
    pub async fn attempt(&self, seen: &Seen) -> Result<(), Fault> {
        let deadline = seen.now + INSERT_DEADLINE_MS;
        if !seen.has_sku {
            return self.add_variant(deadline).await;
        }
        let taking = Taking {
            redis: self.redis,
            db: self.db,
            product: self.product,
            sku: self.draft.sku,
            holder: self.holder(),
            units: self.units(),
        };
        let intent = match (seen.mode, self.draft.units < 0) {
            (StockMode::Redis, true) => Some(taking.take().await?),
            _ => None,
        };
        let refusal = match transaction::run(self.db, &self.plan(deadline), waits()).await {
            End::Done(()) => return Ok(()),
            End::Unknown(error) => return Err(error.into()),
            End::Refused(stop) => self.refusal(stop),
        };
        if let Some(intent) = intent {
            taking.put_back(&intent, self.trace_id).await;
        }
        Err(refusal)
    }

    /// Units that the change moves.
    fn units(&self) -> u32 {
        u32::try_from(self.draft.units.unsigned_abs()).unwrap_or(QUANTITY_MAX)
    }

    fn short(&self) -> Rejection {
        Rejection::StockInsufficient {
            product: self.product,
            sku: self.draft.sku,
        }
    }

    /// Moves the units, and records that with the stock that is left.
    fn plan(&self, deadline: Ms) -> Plan {
        let units = self.units();
        let mut values = vec![Value::Uint32(units); 3];
        values.extend([
            Value::Uint64(self.product.0),
            Value::Uint64(self.draft.sku.0),
        ]);
        let mut plan = Plan::new();
        if self.draft.units < 0 {
            values.push(Value::Uint32(units));
            plan.change_one(TAKE_UNITS, values);
        } else {
            // As many as a product may be created with, and as a column can count in all.
            values.push(Value::Uint32(QUANTITY_MAX.saturating_sub(units)));
            values.push(Value::Uint32(u32::MAX - units));
            plan.change_one(ADD_UNITS, values);
        }
        plan.change_one(RECORD, self.record(deadline));
        plan
    }

    fn record(&self, deadline: Ms) -> Vec<Value> {
        vec![
            Value::Binary(self.key.to_vec()),
            Value::Binary(self.hash.to_vec()),
            Value::Int64(self.draft.units),
            text(&self.draft.reason),
            Value::Uint64(self.product.0),
            Value::Uint64(self.draft.sku.0),
            Value::Uint64(deadline),
        ]
    }

    fn refusal(&self, stop: Stop) -> Fault {
        let (product, sku) = (self.product, self.draft.sku);
        match stop {
            Stop::Unmet(0) if self.draft.units < 0 => self.short().into(),
            Stop::Unmet(0) => {
                let reason = format!("would make more than {QUANTITY_MAX} units");
                Rejection::invalid("change", reason).into()
            }
            Stop::Unmet(_) => Fault::Unavailable {
                backend: "mysql",
                reason: format!("a change of product {} came too late", product.0),
            },
            // Whoever was faster has committed: the key is looked up again.
            Stop::Sql(error) if error.kind == Kind::Duplicate => Rejection::InProgress.into(),
            Stop::Sql(error) if error.kind == Kind::Retry => {
                Rejection::StockContended { product, sku }.into()
            }
            stop => stop.into(),
        }
    }

    /// Adds a variant with its first units.
    async fn add_variant(&self, deadline: Ms) -> Result<(), Fault> {
        let (product, sku) = (self.product, self.draft.sku);
        if !self.draft.create {
            return Err(Rejection::UnknownSku { product, sku }.into());
        }
        let adding = Adding {
            attempt: self,
            deadline,
        };
        match transaction::run(self.db, &adding, waits()).await {
            End::Refused(stop) => Err(self.refusal(stop)),
            end => end.done(),
        }
    }
}

struct Adding<'a> {
    attempt: &'a Attempt<'a>,
    deadline: Ms,
}

impl Work for Adding<'_> {
    type Done = ();

    async fn perform(&self, transaction: &mut Transaction) -> Result<(), Stop> {
        let attempt = self.attempt;
        let product = Value::Uint64(attempt.product.0);
        let lock = vec![product.clone()];
        transaction.query(LOCK_PRODUCT, lock).await?;
        let values = vec![product.clone(), Value::Uint64(SALES_FROM)];
        let rows = transaction.query(VARIANTS, values).await?;
        let row = rows.first();
        let row = row.ok_or_else(|| Fault::Internal("COUNT(*) gave no row".to_owned()))?;
        let refused = |field: &str, reason: String| {
            Err(Fault::from(Rejection::invalid(field, reason)).into())
        };
        if row.is_null(1) || row.u64(1)? == 0 {
            let reason = "is possible only where the product has variants".to_owned();
            return refused("create", reason);
        }
        if row.u64(0)? >= SKUS_MAX as u64 {
            let reason = format!("would be one more than {SKUS_MAX} variants");
            return refused("sku_id", reason);
        }
        let mut plan = Plan::new();
        let mut stock = vec![product, Value::Uint64(attempt.draft.sku.0)];
        stock.extend(vec![Value::Uint32(attempt.units()); 3]);
        plan.insert(INSERT_STOCK, STOCK_PARAMETERS, STOCK_TIMES, stock);
        plan.change_one(RECORD, attempt.record(self.deadline));
        plan.perform(transaction).await
    }
}
