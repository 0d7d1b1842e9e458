//! What is to be done about old intents and stale stock, decided without a server.

use crate::stock::LineKey;
use domain::stock::Inventory;
use domain::{OrderId, ProductId, SkuId};
use std::collections::{HashMap, HashSet};

/// An intent: the line it is for.
pub type Intent = (OrderId, SkuId);

/// Old intents of one product, by what becomes of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// The database includes them already.
    pub settled: Vec<Intent>,
    /// Their order was never inserted and cannot be any more.
    pub orphaned: Vec<Intent>,
}

/// Intents of orders that exist and whose move is still on its way are left alone.
pub fn judge(
    product: ProductId,
    old: &[Intent],
    logged: &HashSet<LineKey>,
    existing: &HashSet<OrderId>,
) -> Judgement {
    let mut judgement = Judgement::default();
    for (order, sku) in old {
        if logged.contains(&(*order, product, *sku)) {
            judgement.settled.push((*order, *sku));
        } else if !existing.contains(order) {
            judgement.orphaned.push((*order, *sku));
        }
    }
    judgement
}

/// Field of an intent, `<order id>:<sku>`.
pub fn intent(field: &str) -> Option<Intent> {
    let (order, sku) = field.split_once(':')?;
    Some((OrderId::new(order.parse().ok()?)?, SkuId(sku.parse().ok()?)))
}

/// A product's stock hash in Redis, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    pub available: HashMap<u64, i64>,
    pub version: HashMap<u64, i64>,
    pub reserved: HashMap<u64, i64>,
}

impl Shown {
    /// From the fields and values of the hash, one after the other.
    pub fn read(flat: &[String]) -> Shown {
        let mut shown = Shown::default();
        for pair in flat.chunks_exact(2) {
            let Some((kind, sku)) = pair[0].split_once(':') else {
                continue;
            };
            let (Ok(sku), Ok(value)) = (sku.parse(), pair[1].parse()) else {
                continue;
            };
            match kind {
                "a" => shown.available.insert(sku, value),
                "v" => shown.version.insert(sku, value),
                "r" => shown.reserved.insert(sku, value),
                _ => None,
            };
        }
        shown
    }

    /// Whether Redis shows an older state of this row; what it does not show it need not know.
    pub fn is_behind(&self, row: &Inventory) -> bool {
        let seen = self.version.get(&row.sku.0);
        seen.is_some_and(|seen| *seen < i64::from(row.version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn only_intents_without_an_order_are_orphans() {
        let orders: Vec<OrderId> = (1..4).map(|n| fixtures::order(n, 1).id).collect();
        let old: Vec<Intent> = orders.iter().map(|order| (*order, SkuId(0))).collect();
        let logged = HashSet::from([(orders[0], ProductId(1), SkuId(0))]);
        let existing = HashSet::from([orders[0], orders[1]]);
        let judgement = judge(ProductId(1), &old, &logged, &existing);
        assert_eq!(judgement.settled, [old[0]]);
        assert_eq!(judgement.orphaned, [old[2]]);
    }

    #[test]
    fn fields_are_read_strictly() {
        let order = fixtures::order(1, 1).id;
        assert_eq!(intent(&format!("{order}:7")), Some((order, SkuId(7))));
        for bad in ["", "1", "0:1", "x:1", "1:x", "1:2:3"] {
            assert_eq!(intent(bad), None, "{bad}");
        }
        let flat = ["a:0", "5", "v:0", "2", "r:0", "1", "junk", "1"].map(str::to_owned);
        let shown = Shown::read(&flat);
        assert_eq!((shown.available[&0], shown.reserved[&0]), (5, 1));
        let mut row = Inventory {
            product: ProductId(1),
            sku: SkuId(0),
            available: 5,
            locked: 0,
            sold: 0,
            version: 2,
        };
        assert!(!shown.is_behind(&row));
        row.version = 3;
        assert!(shown.is_behind(&row));
        row.sku = SkuId(9);
        assert!(!shown.is_behind(&row));
    }
}
