//! Computes what a batch of moves does to stock, without a database: the new rows of `t_inventory` and `t_stock_log`,
//! and the orders that cannot have the units that Redis reserved for them. A line moves once per effect, whatever is
//! repeated or late.

use super::message::{Line, StockMove};
use super::{LineKey, LineState, Logged, Variant};
use domain::stock::{Inventory, StockEffect};
use domain::{OrderId, Rejection, StockMode};
use std::collections::{BTreeMap, HashMap};

/// The outcome of a batch.
#[derive(Debug, Default)]
pub struct Plan {
    /// Rows that changed, sorted so that all relays lock in one order.
    pub stock: BTreeMap<Variant, Inventory>,
    /// Log rows that are new or changed.
    pub logs: BTreeMap<LineKey, Logged>,
    /// Orders that get no units, and the first line of each that was short.
    pub refused: BTreeMap<OrderId, Variant>,
    /// Moves that did not fit what is stored; for the log.
    pub anomalies: Vec<String>,
}

/// State during a batch.
struct Ledger {
    logs: HashMap<LineKey, Logged>,
    stock: HashMap<Variant, Inventory>,
    plan: Plan,
}

/// Applies `moves` in their order to the rows as they are stored and locked.
pub fn plan(
    moves: &[StockMove],
    logs: HashMap<LineKey, Logged>,
    stock: HashMap<Variant, Inventory>,
) -> Plan {
    let mut ledger = Ledger {
        logs,
        stock,
        plan: Plan::default(),
    };
    for one in moves {
        match one.effect {
            StockEffect::Reserve => ledger.reserve(one),
            StockEffect::Confirm => ledger.confirm(one),
            StockEffect::Rollback | StockEffect::Return => ledger.give_back(one),
        }
    }
    ledger.plan
}

impl Ledger {
    /// Reserves all lines or none. A line with a log entry stays as it is: it was reserved before, or cancelled first.
    fn reserve(&mut self, one: &StockMove) {
        let open: Vec<&Line> = one
            .lines
            .iter()
            .filter(|line| !self.logs.contains_key(&key(one, line)))
            .collect();
        let mut after = Vec::with_capacity(open.len());
        for line in &open {
            if line.mode == StockMode::Db {
                self.anomaly(one, line, "has no reservation in the database; made now");
            }
            match self.moved(line, &[StockEffect::Reserve], line.quantity) {
                Ok(row) => after.push(row),
                Err(_) => {
                    for line in &open {
                        self.log(one, line, LineState::Refused, line.quantity);
                    }
                    let variant = (line.product, line.sku);
                    self.plan.refused.insert(one.order, variant);
                    return;
                }
            }
        }
        for (line, row) in open.into_iter().zip(after) {
            self.put(row);
            self.log(one, line, LineState::Reserved, line.quantity);
        }
    }

    fn confirm(&mut self, one: &StockMove) {
        use LineState::{Refused, Reserved};
        for line in &one.lines {
            let logged = self.logs.get(&key(one, line)).copied();
            let (effects, quantity): (&[StockEffect], u32) = match logged {
                Some(Logged {
                    state: Reserved,
                    quantity,
                    ..
                }) => (&[StockEffect::Confirm], quantity),
                // Paid without a reservation: the units are taken now, if available.
                None | Some(Logged { state: Refused, .. }) => {
                    self.anomaly(one, line, "was paid without a reservation");
                    (&[StockEffect::Reserve, StockEffect::Confirm], line.quantity)
                }
                Some(_) => continue,
            };
            match self.moved(line, effects, quantity) {
                Ok(row) => {
                    self.put(row);
                    self.log(one, line, LineState::Confirmed, quantity);
                }
                Err(error) => {
                    self.anomaly(one, line, &format!("is paid and cannot be sold: {error}"));
                    if logged.is_none() {
                        self.log(one, line, Refused, quantity);
                    }
                }
            }
        }
    }

    /// A cancellation gives back what the line has: locked units, sold ones, or none yet.
    fn give_back(&mut self, one: &StockMove) {
        use LineState::{Confirmed, Reserved, Returned, RolledBack};
        for line in &one.lines {
            let (effect, state, quantity) = match self.logs.get(&key(one, line)).copied() {
                Some(Logged {
                    state: Reserved,
                    quantity,
                    ..
                }) => (StockEffect::Rollback, RolledBack, quantity),
                Some(Logged {
                    state: Confirmed,
                    quantity,
                    ..
                }) if one.effect == StockEffect::Return => {
                    (StockEffect::Return, Returned, quantity)
                }
                // There is no reservation yet, or there never will be: this entry keeps a late one from moving units.
                None => {
                    self.log(one, line, RolledBack, line.quantity);
                    continue;
                }
                Some(Logged {
                    state: Confirmed, ..
                }) => {
                    self.anomaly(one, line, "is sold and was cancelled as unpaid");
                    continue;
                }
                Some(_) => continue,
            };
            match self.moved(line, &[effect], quantity) {
                Ok(row) => {
                    self.put(row);
                    self.log(one, line, state, quantity);
                }
                Err(error) => {
                    self.anomaly(one, line, &format!("cannot be given back: {error}"));
                }
            }
        }
    }

    fn moved(
        &self,
        line: &Line,
        effects: &[StockEffect],
        quantity: u32,
    ) -> Result<Inventory, Rejection> {
        let (product, sku) = (line.product, line.sku);
        let row = self.stock.get(&(product, sku)).copied();
        let row = row.ok_or(Rejection::StockInsufficient { product, sku })?;
        let mut after = effects
            .iter()
            .try_fold(row, |row, effect| row.apply(*effect, quantity))?;
        after.version = row.version.saturating_add(1);
        Ok(after)
    }

    fn put(&mut self, row: Inventory) {
        let variant = (row.product, row.sku);
        self.stock.insert(variant, row);
        self.plan.stock.insert(variant, row);
    }

    fn log(&mut self, one: &StockMove, line: &Line, state: LineState, quantity: u32) {
        let logged = Logged {
            state,
            quantity,
            mode: line.mode,
        };
        self.logs.insert(key(one, line), logged);
        self.plan.logs.insert(key(one, line), logged);
    }

    fn anomaly(&mut self, one: &StockMove, line: &Line, what: &str) {
        self.plan.anomalies.push(format!(
            "order {} product {} sku {} {what}",
            one.order, line.product.0, line.sku.0
        ));
    }
}

fn key(one: &StockMove, line: &Line) -> LineKey {
    (one.order, line.product, line.sku)
}

#[cfg(test)]
mod tests;
