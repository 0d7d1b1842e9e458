//! A hold, once per key: units are taken in Redis first, as an order takes them, and then in the database. A repeat
//! finds in the database what the key has made, and does what was left undone.

use super::attempt::{Taking, waits};
use super::statement::{INSERT_HOLD, LOCK_UNITS, SEEN};
use crate::catalogue;
use contract::api::inventory::{HoldDraft, Variant};
use contract::api::product::SaleStatus;
use contract::store::call::Holder;
use domain::{Ms, Rejection, StockMode};
use guest::Fault;
use guest::mysql::{Db, Value};
use guest::mysql_error::Kind;
use guest::redis::Redis;
use guest::transaction::{self, End, Plan, Stop};

pub struct Hold<'a> {
    pub redis: &'a Redis,
    pub db: Db<'a>,
    pub draft: HoldDraft,
    /// Hash of the caller's key, or random.
    pub key: [u8; 16],
    /// How long the units are held.
    pub lives_ms: Ms,
    pub trace_id: &'a str,
}

/// What the database has of a product and of a key.
struct Seen {
    mode: StockMode,
    sale: SaleStatus,
    /// By the clock of the database.
    now: Ms,
    /// It has the variant.
    has_sku: bool,
    made: Option<Made>,
}

/// The hold that a key has made.
#[derive(Clone, Copy)]
struct Made {
    same_payload: bool,
    has_ended: bool,
}

impl Hold<'_> {
    /// Holds the units, unless an earlier request with the key did.
    pub async fn once(&self) -> Result<(), Fault> {
        let seen = self.look().await?;
        if let Some(made) = seen.made {
            return self.replay(made).await;
        }
        match self.attempt(&seen).await {
            // Another request with the key may have been faster.
            Err(fault @ Fault::Rejected(_)) => match self.look().await?.made {
                Some(made) => self.replay(made).await,
                None => Err(fault),
            },
            Err(fault) => Err(fault),
            Ok(()) => {
                self.update_redis().await;
                Ok(())
            }
        }
    }

    async fn look(&self) -> Result<Seen, Fault> {
        let Variant { product, sku } = self.draft.variant;
        let values = vec![
            Value::Binary(self.draft.hash().to_vec()),
            Value::Uint64(sku.0),
            Value::Binary(self.key.to_vec()),
            Value::Uint64(product.0),
        ];
        let rows = self.db.query(SEEN, values).await?;
        let row = rows.first().ok_or(Rejection::UnknownProduct(product))?;
        let (mode, sale) = (row.u8(0)?, row.u8(1)?);
        let wrong = |what, code| Fault::Internal(format!("{what} {code}"));
        let made = match row.is_null(4) {
            true => None,
            false => Some(Made {
                same_payload: row.i64(4)? == 1,
                has_ended: row.u64(5)? > 0,
            }),
        };
        Ok(Seen {
            mode: StockMode::from_code(mode).ok_or_else(|| wrong("stock mode", mode))?,
            sale: SaleStatus::from_code(sale).ok_or_else(|| wrong("status", sale))?,
            now: row.u64(2)?,
            has_sku: !row.is_null(3),
            made,
        })
    }

    async fn replay(&self, made: Made) -> Result<(), Fault> {
        let Variant { product, sku } = self.draft.variant;
        self.update_redis().await;
        match made {
            Made {
                same_payload: false,
                ..
            } => Err(Rejection::KeyReused.into()),
            Made {
                has_ended: true, ..
            } => Err(Rejection::HoldExpired { product, sku }.into()),
            _ => Ok(()),
        }
    }

    /// Holds the units, or leaves nothing behind. Where its end is unknown, units that were taken in Redis stay
    /// reserved: a repeat or the relay finds out.
    async fn attempt(&self, seen: &Seen) -> Result<(), Fault> {
        let Variant { product, sku } = self.draft.variant;
        if seen.sale == SaleStatus::OffSale {
            return Err(Rejection::OffSale(product).into());
        }
        if !seen.has_sku {
            return Err(Rejection::UnknownSku { product, sku }.into());
        }
        let taking = self.taking();
        let intent = match seen.mode {
            StockMode::Redis => Some(taking.take().await?),
            StockMode::Db => None,
        };
        let plan = self.plan(super::deadline(seen.now));
        let refusal = match transaction::run(self.db, &plan, waits()).await {
            End::Done(()) => return Ok(()),
            End::Unknown(error) => return Err(error.into()),
            End::Refused(stop) => self.refusal(stop),
        };
        if let Some(intent) = intent {
            taking.put_back(&intent, self.trace_id).await;
        }
        Err(refusal)
    }

    fn taking(&self) -> Taking<'_> {
        let Variant { product, sku } = self.draft.variant;
        Taking {
            redis: self.redis,
            db: self.db,
            product,
            sku,
            holder: self.holder(),
            units: self.draft.units,
        }
    }

    fn holder(&self) -> Holder {
        Holder::Hold(u128::from_be_bytes(self.key))
    }

    /// Locks the units, and records for whom.
    fn plan(&self, deadline: Ms) -> Plan {
        let Variant { product, sku } = self.draft.variant;
        let (product, sku) = (Value::Uint64(product.0), Value::Uint64(sku.0));
        let units = Value::Uint32(self.draft.units);
        let mut plan = Plan::new();
        let locked = [&units, &units, &product, &sku, &units];
        plan.change_one(LOCK_UNITS, locked.map(Value::clone).to_vec());
        let row = vec![
            Value::Binary(self.key.to_vec()),
            Value::Binary(self.draft.hash().to_vec()),
            units.clone(),
            units,
            Value::Uint64(self.lives_ms),
            product,
            sku,
            Value::Uint64(deadline),
        ];
        plan.change_one(INSERT_HOLD, row);
        plan
    }

    fn refusal(&self, stop: Stop) -> Fault {
        let Variant { product, sku } = self.draft.variant;
        match stop {
            Stop::Unmet(0) => Rejection::StockInsufficient { product, sku }.into(),
            Stop::Unmet(_) => Fault::Unavailable {
                backend: "mysql",
                reason: format!("a hold of product {} came too late", product.0),
            },
            // Whoever was faster has committed: the key is looked up again.
            Stop::Sql(error) if error.kind == Kind::Duplicate => Rejection::InProgress.into(),
            Stop::Sql(error) if error.kind == Kind::Retry => {
                Rejection::StockContended { product, sku }.into()
            }
            stop => stop.into(),
        }
    }

    /// Brings Redis up to what the database has, and drops the reservation: no later attempt can commit. Where that
    /// fails, the units stay reserved in Redis, until the sweep does it.
    async fn update_redis(&self) {
        let Variant { product, sku } = self.draft.variant;
        let settled = [(self.holder(), sku)];
        let loaded = catalogue::load_stock(self.redis, self.db, product, &settled).await;
        if let Err(fault) = loaded {
            guest::http::log(&fault, self.trace_id);
        }
    }
}
