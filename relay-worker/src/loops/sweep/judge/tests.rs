//! Tests of `judge`.

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
    old.extend([70, 80].map(|key| Intent {
        holder: Holder::Change(key),
        sku: SkuId(0),
        has_entry: false,
    }));
    old.extend([71, 81].map(|key| Intent {
        holder: Holder::Hold(key),
        sku: SkuId(0),
        has_entry: false,
    }));
    let known = Holders {
        logged: HashSet::from([(orders[0], ProductId(1), SkuId(0))]),
        existing: HashSet::from([orders[0], orders[1]]),
        queued: HashSet::from([orders[3]]),
        preheated: HashSet::from([7]),
        changed: HashSet::from([(ProductId(1), 70), (ProductId(2), 80)]),
        held: HashSet::from([(ProductId(1), 71), (ProductId(2), 81)]),
    };
    let judgement = judge(ProductId(1), &old, &known);
    let settled = [
        Holder::Order(orders[0]),
        Holder::Sale(7),
        Holder::Change(70),
        Holder::Hold(71),
    ];
    let orphaned = [
        Holder::Order(orders[2]),
        Holder::Sale(8),
        Holder::Change(80),
        Holder::Hold(81),
    ];
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
    assert_eq!(intent("change-ff:0").unwrap().holder, Holder::Change(255));
    assert_eq!(intent("hold-ff:0").unwrap().holder, Holder::Hold(255));
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
        // Restored, then changed as many times as before.
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
