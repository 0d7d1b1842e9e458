//! What is to be done about old intents and stale stock, decided without a server.

use crate::loops::stock::LineKey;
use contract::store::call::Holder;
use domain::stock::Inventory;
use domain::{OrderId, ProductId, SkuId};
use std::collections::{HashMap, HashSet};

/// An intent: whom units of a variant are promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intent {
    pub holder: Holder,
    pub sku: SkuId,
    /// An intake entry looks after it: only the writer or its failure ends it.
    pub has_entry: bool,
}

/// Old intents of one product, by what becomes of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// The database includes them already.
    pub settled: Vec<(Holder, SkuId)>,
    /// What they were for was never inserted and cannot be any more.
    pub orphaned: Vec<(Holder, SkuId)>,
}

/// What is known of the holders of old intents.
#[derive(Debug, Default)]
pub struct Holders {
    pub logged: HashSet<LineKey>,
    pub existing: HashSet<OrderId>,
    /// Accepted and not written yet.
    pub queued: HashSet<OrderId>,
    /// Sales whose units are set aside in the database.
    pub preheated: HashSet<u32>,
}

/// Intents of orders that exist and whose move is still on its way are left alone.
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
        };
        if included {
            judgement.settled.push((*holder, *sku));
        } else if !lives {
            judgement.orphaned.push((*holder, *sku));
        }
    }
    judgement
}

/// Field of an intent, `<order id>:<sku>` or `seckill-<number>:<sku>`, with `:q` behind it where it has an entry.
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

/// A row that Redis shows and the database does not have (any more).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disowned<'a> {
    pub sku: SkuId,
    pub seen: u64,
    pub row: Option<&'a Inventory>,
}

/// A product's stock hash in Redis, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    pub available: HashMap<u64, i64>,
    pub version: HashMap<u64, u64>,
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

    /// Whether Redis shows an older state of this row; what it does not show it need not know.
    pub fn is_behind(&self, row: &Inventory) -> bool {
        let seen = self.version.get(&row.sku.0);
        seen.is_some_and(|seen| *seen < row.version)
    }

    /// What Redis shows and the database, asked after it, does not have: versions only grow, and Redis has them from
    /// there. So the database went back to an older copy of itself, and what it has counts all the same. Per sku the
    /// version that Redis shows, and the row as it is, where there is one.
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
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn only_intents_without_an_order_are_orphans() {
        let orders: Vec<OrderId> = (1..6).map(|n| fixtures::order(n, 1).id).collect();
        let mut old: Vec<Intent> = orders
            .iter()
            .map(|order| Intent {
                holder: Holder::Order(*order),
                sku: SkuId(0),
                has_entry: false,
            })
            .collect();
        old[4].has_entry = true;
        old.extend([7, 8].map(|number| Intent {
            holder: Holder::Sale(number),
            sku: SkuId(0),
            has_entry: false,
        }));
        let known = Holders {
            logged: HashSet::from([(orders[0], ProductId(1), SkuId(0))]),
            existing: HashSet::from([orders[0], orders[1]]),
            queued: HashSet::from([orders[3]]),
            preheated: HashSet::from([7]),
        };
        let judgement = judge(ProductId(1), &old, &known);
        let settled = [Holder::Order(orders[0]), Holder::Sale(7)];
        let orphaned = [Holder::Order(orders[2]), Holder::Sale(8)];
        assert_eq!(judgement.settled, settled.map(|holder| (holder, SkuId(0))));
        assert_eq!(
            judgement.orphaned,
            orphaned.map(|holder| (holder, SkuId(0)))
        );
    }

    #[test]
    fn fields_are_read_strictly() {
        let order = fixtures::order(1, 1).id;
        let read = |mark: &str| intent(&format!("{order}:7{mark}")).unwrap();
        assert_eq!(
            (read("").holder, read("").sku),
            (Holder::Order(order), SkuId(7))
        );
        assert!(!read("").has_entry && read(":q").has_entry);
        assert_eq!(intent("seckill-3:0").unwrap().holder, Holder::Sale(3));
        for bad in ["", "1", "0:1", "x:1", "1:x", "1:2:3", "seckill-:1"] {
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

    #[test]
    fn a_database_that_went_back_is_noticed() {
        let flat = [
            "a:0",
            "5",
            "v:0",
            "4294967297",
            "a:7",
            "1",
            "v:7",
            "3",
            "r:9",
            "2",
        ];
        let shown = Shown::read(&flat.map(str::to_owned));
        let row = |sku, available, version| Inventory {
            product: ProductId(1),
            sku: SkuId(sku),
            available,
            locked: 0,
            sold: 0,
            version,
        };
        let seven = row(7, 1, 3);
        for (zero, noticed) in [
            (row(0, 5, 4_294_967_297), false),
            (row(0, 4, 4_294_967_298), false),
            (row(0, 6, 4_294_967_296), true),
            // Back, and as many changes on from there.
            (row(0, 4, 4_294_967_297), true),
        ] {
            let disowned = shown.disowned(&HashMap::from([(0, &zero), (7, &seven)]));
            let expected = Disowned {
                sku: SkuId(0),
                seen: 4_294_967_297,
                row: Some(&zero),
            };
            let expected = noticed.then_some(expected);
            assert_eq!(
                disowned,
                expected.into_iter().collect::<Vec<_>>(),
                "{zero:?}"
            );
        }
        let gone = shown.disowned(&HashMap::new());
        assert_eq!(gone.len(), 2, "rows that are not there at all");
        assert!(gone.iter().all(|one| one.row.is_none()));
    }
}
