//! Tests of `shown`.

use super::*;

const SKU: SkuId = SkuId(2);

fn stored(mode: StockMode) -> Stored {
    let stock = SkuStock {
        sku: SKU,
        available: 10,
        locked: 4,
    };
    Stored { stock, mode }
}

#[test]
fn what_redis_may_still_promise() {
    let fields = [
        ("a:2", "9"),
        ("v:2", "3"),
        ("r:2", "5"),
        ("r:7", "1"),
        ("junk", "x"),
        ("a:x", "1"),
        ("a:4611686022722355200", "100"),
    ];
    let promises = promises(fields);
    assert_eq!(
        promises.len(),
        1,
        "sku 7 is not loaded, the last is a sale's"
    );
    let promise = promises[&SKU];
    let expected = SkuStock {
        sku: SKU,
        available: 4,
        locked: 9,
    };
    assert_eq!(shown(stored(StockMode::Redis), Some(promise)), expected);
    assert_eq!(
        shown(stored(StockMode::Redis), None),
        stored(StockMode::Redis).stock
    );
    assert_eq!(
        shown(stored(StockMode::Db), Some(promise)),
        stored(StockMode::Db).stock
    );
}

#[test]
fn promised_beyond_what_is_there_shows_nothing_left() {
    let promises = promises([("a:2", "3"), ("r:2", "5")]);
    assert_eq!(promises[&SKU].alone(SKU).available, 0);
}

#[test]
fn texts_are_few_and_have_a_mark_per_parameter() {
    let mut texts = std::collections::HashSet::new();
    for length in 1..=100 {
        let (text, values) = statement(&vec![ProductId(1); length]);
        assert_eq!(text.matches('?').count(), values.len());
        texts.insert(text);
    }
    assert!(texts.len() <= 8, "{}", texts.len());
}
