//! Tests of `statement`.

use super::*;
use domain::limits::PAGE_SIZE_MAX;
use std::collections::HashSet;

#[test]
fn parameters_go_with_their_marks() {
    let page = Page {
        number: 3,
        size: 20,
    };
    for statement in [
        list(None, None, page),
        list(Some(SaleStatus::OnSale), Some("cup"), page),
        count(Some(SaleStatus::OffSale), None),
        products(&[ProductId(1), ProductId(2)]),
        stock(&[ProductId(1)]),
    ] {
        let marks = statement.text.matches('?').count();
        assert_eq!(marks, statement.values.len(), "{}", statement.text);
    }
    assert_eq!(INSERT_PRODUCT.matches('?').count(), 8);
    assert_eq!(INSERT_STOCK.matches(',').count() + 1, STOCK_PARAMETERS);
}

#[test]
fn texts_are_few() {
    let page = Page { number: 1, size: 1 };
    let mut texts = HashSet::new();
    for sale in [None, Some(SaleStatus::OnSale), Some(SaleStatus::OffSale)] {
        for search in [None, Some("cup")] {
            texts.insert(list(sale, search, page).text);
            texts.insert(count(sale, search).text);
        }
    }
    for length in 1..=PAGE_SIZE_MAX as usize {
        let ids = vec![ProductId(1); length];
        texts.insert(products(&ids).text);
        texts.insert(stock(&ids).text);
    }
    assert!(texts.len() <= 24, "{}", texts.len());
}

#[test]
fn a_search_is_literal() {
    assert_eq!(pattern(r"50%_a\b"), r"%50\%\_a\\b%");
}
