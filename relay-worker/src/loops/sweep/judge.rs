//! Decides what happens to old intents and stale stock, without a server.

use crate::loops::stock::LineKey;
use contract::store::call::Holder;
use domain::stock::Inventory;
use domain::{OrderId, ProductId, SkuId};
use std::collections::{HashMap, HashSet};

/// An intent: units of a sku that Redis keeps for an order or a flash sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intent {
    /// For whom or what the units are kept.
    pub holder: Holder,
    /// Variant of the product; for a purchase in a flash sale, the sale's own sku.
    pub sku: SkuId,
    /// Marked `:q`: an intake entry owns it, and only the batch writer or the entry's failure ends it.
    pub has_entry: bool,
}

/// Old intents of one product, by outcome. Those that are left alone are in neither list.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Included in the database's stock: to be dropped.
    pub settled: Vec<(Holder, SkuId)>,
    /// Their order was never inserted and never will be, their sale was not preheated, or their stock change or hold
    /// was not made: to be released.
    pub orphaned: Vec<(Holder, SkuId)>,
}

/// Facts about the holders of old intents.
#[derive(Debug, Default)]
pub struct Holders {
    /// Lines with a row in `t_stock_log`.
    pub logged: HashSet<LineKey>,
    /// Orders that exist, or whose shard is away.
    pub existing: HashSet<OrderId>,
    /// Orders accepted and not written yet.
    pub queued: HashSet<OrderId>,
    /// Numbers of sales whose units are set aside in the database.
    pub preheated: HashSet<u32>,
    /// Stock changes that are made, by product and key.
    pub changed: HashSet<(ProductId, u128)>,
    /// Holds that are made, by product and key.
    pub held: HashSet<(ProductId, u128)>,
}

/// Sorts old intents by outcome. An intent is left alone where its order exists and its move is still in flight.
pub fn judge(product: ProductId, old: &[Intent], known: &Holders) -> Judgement {
    let mut judgement = Judgement::default();
    for Intent {
        holder,
        sku,
        has_entry,
    } in old
    {
        let (included, lives) = match holder {
            Holder::Order(order) => (
                known.logged.contains(&(*order, product, *sku)),
                *has_entry || known.existing.contains(order) || known.queued.contains(order),
            ),
            Holder::Sale(number) => (known.preheated.contains(number), false),
            Holder::Hold(key) => (known.held.contains(&(product, *key)), false),
            Holder::Change(key) => (known.changed.contains(&(product, *key)), false),
        };
        if included {
            judgement.settled.push((*holder, *sku));
        } else if !lives {
            judgement.orphaned.push((*holder, *sku));
        }
    }
    judgement
}

/// Parses an intent's field as `audit.lua` returns it: `<order id>:<sku>`, `seckill-<number>:<sku>`,
/// `change-<key>:<sku>` or `hold-<key>:<sku>`, followed by `:q` if it has an entry. `None` for anything else.
pub fn intent(field: &str) -> Option<Intent> {
    let (plain, has_entry) = match field.strip_suffix(":q") {
        Some(plain) => (plain, true),
        None => (field, false),
    };
    let (holder, sku) = plain.split_once(':')?;
    Some(Intent {
        holder: Holder::parse(holder)?,
        sku: SkuId(sku.parse().ok()?),
        has_entry,
    })
}

/// A stock row whose state in Redis is not the database's, nor an older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disowned<'a> {
    /// Variant of the product, or a flash sale's own sku.
    pub sku: SkuId,
    /// Version that Redis has.
    pub seen: u64,
    /// The database's row; `None` where it has none.
    pub row: Option<&'a Inventory>,
}

/// A product's stock hash in Redis, parsed; each map is by sku.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Fields `a:<sku>`: units available by the database's row that Redis has.
    pub available: HashMap<u64, i64>,
    /// Fields `v:<sku>`: version of that row.
    pub version: HashMap<u64, u64>,
    /// Fields `r:<sku>`: units of all intents on the sku.
    pub reserved: HashMap<u64, i64>,
}

impl Shown {
    /// Parses fields and values in turn, as `HGETALL` replies. Other fields are skipped.
    pub fn read(flat: &[String]) -> Shown {
        let mut shown = Shown::default();
        for pair in flat.chunks_exact(2) {
            let Some((kind, sku)) = pair[0].split_once(':') else {
                continue;
            };
            let (Ok(sku), text) = (sku.parse(), pair[1].as_str()) else {
                continue;
            };
            match (kind, text.parse(), text.parse()) {
                ("a", Ok(units), _) => drop(shown.available.insert(sku, units)),
                ("r", Ok(units), _) => drop(shown.reserved.insert(sku, units)),
                ("v", _, Ok(version)) => drop(shown.version.insert(sku, version)),
                _ => {}
            }
        }
        shown
    }

    /// Whether Redis has an older version of this row. `false` where it has none: it need not know the row.
    pub fn is_behind(&self, row: &Inventory) -> bool {
        let seen = self.version.get(&row.sku.0);
        seen.is_some_and(|seen| *seen < row.version)
    }

    /// Rows whose state in Redis is not the database's, nor an older one; by sku. `rows` must be read after the hash.
    /// Versions only grow and Redis gets them from the database, so such a row means that the database was restored to
    /// an older state; its rows are authoritative all the same.
    pub fn disowned<'a>(&self, rows: &HashMap<u64, &'a Inventory>) -> Vec<Disowned<'a>> {
        let mut disowned: Vec<Disowned> = self
            .version
            .iter()
            .filter_map(|(sku, seen)| {
                let row = rows.get(sku).copied();
                let same = row.is_some_and(|row| {
                    let available = self.available.get(sku).copied();
                    *seen < row.version
                        || (*seen == row.version && available == Some(row.available.into()))
                });
                (!same).then_some(Disowned {
                    sku: SkuId(*sku),
                    seen: *seen,
                    row,
                })
            })
            .collect();
        disowned.sort_unstable_by_key(|one| one.sku);
        disowned
    }
}

#[cfg(test)]
mod tests;
