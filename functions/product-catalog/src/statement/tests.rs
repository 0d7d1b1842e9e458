//! Tests of `statement`.

use super::*;
use contract::api::product::SaleStatus;
use domain::limits::PAGE_SIZE_MAX;
use std::collections::HashSet;

const PLACES: [Place; 2] = [
    Place::Page(Page {
        number: 3,
        size: 20,
    }),
    Place::Behind {
        product: ProductId(7),
        size: 20,
    },
];

fn lists() -> impl Iterator<Item = List<'static>> {
    let sales = [None, Some(SaleStatus::OnSale), Some(SaleStatus::OffSale)];
    let of = |sale| [None, Some("cup")].map(|search| List { sale, search });
    sales.into_iter().flat_map(of)
}

#[test]
fn parameters_go_with_their_marks() {
    let listed = lists().flat_map(|one| PLACES.map(|place| list(one, place)));
    let others = [products(&[ProductId(1), ProductId(2)])];
    for statement in listed.chain(lists().map(count)).chain(others) {
        let marks = statement.text.matches('?').count();
        assert_eq!(marks, statement.values.len(), "{}", statement.text);
    }
    assert_eq!(INSERT_PRODUCT.matches('?').count(), 8);
    let columns = |insert: &str| insert.matches(',').count() + 1;
    assert_eq!(columns(INSERT_STOCK), STOCK_PARAMETERS + 2);
    assert_eq!(columns(INSERT_OPENING), OPENING_PARAMETERS + 1);
    assert!(LOCKED_PRODUCT.contains(COLUMNS));
}

#[test]
fn texts_are_few() {
    let mut texts = HashSet::new();
    for one in lists() {
        texts.extend(PLACES.map(|place| list(one, place).text));
        texts.insert(count(one).text);
    }
    for length in 1..=PAGE_SIZE_MAX as usize {
        let ids = vec![ProductId(1); length];
        texts.insert(products(&ids).text);
    }
    assert!(texts.len() <= 20, "{}", texts.len());
}

#[test]
fn one_row_more_than_is_shown() {
    for place in PLACES {
        let statement = list(lists().next().unwrap(), place);
        let limit = &statement.values[statement.values.len() - 2];
        assert!(matches!(limit, Value::Uint32(21)), "{limit:?}");
    }
}

#[test]
fn a_search_is_literal() {
    assert_eq!(pattern(r"50%_a\b|c"), r"%50|%|_a\b||c%");
}
