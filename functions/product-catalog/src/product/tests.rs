//! Tests of `product`.

use super::*;
use domain::SkuId;

const ID: ProductId = ProductId(7);
const HASH: [(&str, &str); 6] = [
    ("updated_at", "5"),
    ("name", "Cup"),
    ("image", ""),
    ("price", "950"),
    ("status", "1"),
    ("mode", "0"),
];

#[test]
fn cached_entries() {
    let Cached::Known(product) = cached(ID, HASH.into_iter()) else {
        panic!("the hash is whole");
    };
    assert_eq!((product.image, product.price.get()), (None, 950));
    assert_eq!(
        cached(ID, [("updated_at", "0"), ("absent", "1")].into_iter()),
        Cached::Absent
    );
    assert_eq!(cached(ID, [].into_iter()), Cached::Miss);
    for (missing, (field, _)) in HASH.iter().enumerate() {
        let rest = HASH.iter().enumerate().filter(|(at, _)| *at != missing);
        let read = cached(ID, rest.map(|(_, pair)| *pair));
        assert_eq!(read == Cached::Miss, *field != "image", "without {field}");
    }
}

#[test]
fn skus_are_shown_where_there_are_variants() {
    let Cached::Known(product) = cached(ID, HASH.into_iter()) else {
        panic!("the hash is whole");
    };
    let entry = |sku, available| SkuStock {
        sku: SkuId(sku),
        available,
        locked: 0,
    };
    let plain = product.clone().view(&[entry(0, 5)]);
    assert_eq!((plain.stock, plain.skus.len()), (5, 0));
    let variants = product.view(&[entry(1, 5), entry(2, 6)]);
    assert_eq!((variants.stock, variants.skus.len()), (11, 2));
}
