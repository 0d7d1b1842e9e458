//! A line of another system's order sells held units or gives them back, once. All of it is one transaction behind the
//! lock of the variant's row, which whoever moves its units takes first.

use super::attempt::waits;
use super::statement::{
    HOLD_OF_KEY, HOLD_OF_SIZE, INSERT_LINE, LARGEST_HOLDS, LINES, LOCK_VARIANT, PRODUCT,
    RETURN_OF_HOLD, RETURN_UNITS, SELL_OF_HOLD, SELL_UNITS, UNLOCK_UNITS, UPDATE_LINE,
};
use domain::hold::{Line, LineState, Move, Open, Settled, confirm, cover, roll_back};
use domain::limits::HOLDS_PER_LINE_MAX;
use domain::{OrderId, ProductId, Rejection, SkuId};
use guest::Fault;
use guest::mysql::{Db, Row, Value};
use guest::mysql_error::Kind;
use guest::transaction::{self, End, Plan, Stop, Transaction, Work};

/// Attempts where another line takes the same message at the same moment.
const ATTEMPTS_MAX: u32 = 2;

pub struct Settle<'a> {
    pub db: Db<'a>,
    pub line: Line,
    /// Of a confirmation; `None`: a rollback.
    pub message: Option<&'a str>,
    /// Hash of the key of the hold that is meant; `None`: any.
    pub key: Option<[u8; 16]>,
}

impl Settle<'_> {
    /// What is stored of the line and of the message.
    pub async fn seen(&self) -> Result<Vec<Settled>, Fault> {
        let rows = self.db.query(LINES, self.line_values()).await?;
        rows.iter().map(settled).collect()
    }

    /// Moves the units, unless an earlier request did.
    pub async fn once(&self) -> Result<Move, Fault> {
        let mut attempt = 1;
        loop {
            match transaction::run(self.db, self, waits()).await {
                End::Refused(Stop::Sql(error))
                    if error.kind == Kind::Duplicate && attempt < ATTEMPTS_MAX =>
                {
                    attempt += 1;
                }
                End::Refused(Stop::Sql(error)) if error.kind == Kind::Retry => {
                    let Line { product, sku, .. } = self.line;
                    return Err(Rejection::StockContended { product, sku }.into());
                }
                end => return end.done(),
            }
        }
    }

    fn decide(&self, found: &[Settled]) -> Result<Move, Rejection> {
        match self.message {
            Some(_) => confirm(self.line, found),
            None => roll_back(self.line, found),
        }
    }

    fn place(&self) -> [Value; 2] {
        [self.line.product.0, self.line.sku.0].map(Value::Uint64)
    }

    fn line_values(&self) -> Vec<Value> {
        let mut values = vec![Value::Uint64(self.line.order.get())];
        values.extend(self.place());
        values.push(self.message_value());
        values
    }

    fn message_value(&self) -> Value {
        self.message.map_or(Value::DbNull, |message| {
            Value::Binary(message.as_bytes().to_vec())
        })
    }

    /// The open holds from which the units come.
    async fn taken(&self, transaction: &mut Transaction) -> Result<Vec<Open>, Stop> {
        let quantity = self.line.quantity;
        let with = |value| self.place().into_iter().chain([value]).collect();
        let rows = match self.key {
            Some(key) => {
                let values = with(Value::Binary(key.to_vec()));
                transaction.query(HOLD_OF_KEY, values).await?
            }
            None => {
                let values = with(Value::Uint32(quantity));
                let rows = transaction.query(HOLD_OF_SIZE, values).await?;
                match rows.is_empty() {
                    true => {
                        let values = with(Value::Uint32(HOLDS_PER_LINE_MAX as u32));
                        transaction.query(LARGEST_HOLDS, values).await?
                    }
                    false => rows,
                }
            }
        };
        let open = |row: &Row| -> Result<Open, Fault> {
            Ok(Open {
                hold: row.u64(0)?,
                units: row.u32(1)?,
            })
        };
        let open: Vec<Open> = rows.iter().map(open).collect::<Result<_, _>>()?;
        cover(&open, quantity).ok_or_else(|| {
            let Line { product, sku, .. } = self.line;
            let rejection = Rejection::NotHeld {
                product,
                sku,
                quantity,
            };
            Fault::from(rejection).into()
        })
    }

    /// The statements of a move; `taken`: the holds whose units are moved.
    fn plan(&self, does: Move, taken: &[Open]) -> Plan {
        let mut plan = Plan::new();
        match does {
            Move::None => {}
            Move::Sell => {
                take(&mut plan, SELL_OF_HOLD, taken);
                self.move_units(&mut plan, SELL_UNITS, 3);
                self.record(&mut plan, LineState::Confirmed);
            }
            Move::GiveBack => {
                take(&mut plan, RETURN_OF_HOLD, taken);
                self.move_units(&mut plan, UNLOCK_UNITS, 2);
                self.record(&mut plan, LineState::RolledBack);
            }
            Move::Return => {
                self.move_units(&mut plan, RETURN_UNITS, 3);
                let states = [LineState::Returned, LineState::Confirmed];
                let [after, before] = states.map(|state| Value::Uint8(state.code()));
                let mut values = vec![after, Value::Uint64(self.line.order.get())];
                values.extend(self.place());
                values.push(before);
                plan.change_one(UPDATE_LINE, values);
            }
        }
        plan
    }

    /// `repeats`: how often the statement has the quantity before the place.
    fn move_units(&self, plan: &mut Plan, statement: &'static str, repeats: usize) {
        let quantity = Value::Uint32(self.line.quantity);
        let mut values = vec![quantity.clone(); repeats];
        values.extend(self.place());
        values.push(quantity);
        plan.change_one(statement, values);
    }

    fn record(&self, plan: &mut Plan, state: LineState) {
        let mut values = vec![Value::Uint64(self.line.order.get())];
        values.extend(self.place());
        values.extend([
            Value::Uint32(self.line.quantity),
            Value::Uint8(state.code()),
            self.message_value(),
        ]);
        plan.change_one(INSERT_LINE, values);
    }

    async fn lock(&self, transaction: &mut Transaction) -> Result<(), Stop> {
        let place = self.place().to_vec();
        if !transaction.query(LOCK_VARIANT, place).await?.is_empty() {
            return Ok(());
        }
        let Line { product, sku, .. } = self.line;
        let known = vec![Value::Uint64(product.0)];
        let rejection = match transaction.query(PRODUCT, known).await?.is_empty() {
            true => Rejection::UnknownProduct(product),
            false => Rejection::UnknownSku { product, sku },
        };
        Err(Fault::from(rejection).into())
    }
}

/// Takes units of open holds.
fn take(plan: &mut Plan, statement: &'static str, taken: &[Open]) {
    for Open { hold, units } in taken.iter().copied() {
        let units = Value::Uint32(units);
        let mut values = vec![units.clone(); 3];
        values.extend([Value::Uint64(hold), units]);
        plan.change_one(statement, values);
    }
}

impl Work for Settle<'_> {
    type Done = Move;

    async fn perform(&self, transaction: &mut Transaction) -> Result<Move, Stop> {
        self.lock(transaction).await?;
        let rows = transaction.query(LINES, self.line_values()).await?;
        let found: Vec<Settled> = rows.iter().map(settled).collect::<Result<_, _>>()?;
        let does = self.decide(&found).map_err(Fault::from)?;
        let taken = match does {
            Move::Sell | Move::GiveBack => self.taken(transaction).await?,
            Move::None | Move::Return => Vec::new(),
        };
        let performed = self.plan(does, &taken).perform(transaction).await;
        match performed {
            Ok(()) => Ok(does),
            Err(Stop::Unmet(place)) => Err(Stop::Fault(Fault::Internal(format!(
                "order {}: step {place} of its line found fewer units than are held",
                self.line.order
            )))),
            Err(stop) => Err(stop),
        }
    }
}

/// From the columns of `statement::LINES`.
fn settled(row: &Row) -> Result<Settled, Fault> {
    let (order, state) = (row.u64(0)?, row.u8(4)?);
    let wrong = |what: &str| Fault::Internal(format!("t_external_line: {what}"));
    Ok(Settled {
        line: Line {
            order: OrderId::new(order).ok_or_else(|| wrong("order"))?,
            product: ProductId(row.u64(1)?),
            sku: SkuId(row.u64(2)?),
            quantity: row.u32(3)?,
        },
        state: LineState::from_code(state).ok_or_else(|| wrong("state"))?,
        by_message: row.i64(5)? == 1,
    })
}
