//! Tests of `money`.

use super::*;
use proptest::prelude::*;

#[test]
fn texts_and_their_cents() {
    for (text, cents) in [
        ("0", 0),
        ("12", 1200),
        ("12.5", 1250),
        ("0.01", 1),
        ("12.500", 1250),
        ("-0", 0),
        ("0099.99", 9999),
        ("99999999.99", AMOUNT_CENTS_MAX),
        ("1e1", 1000),
        ("2E+0", 200),
        ("1.25e1", 1250),
        ("999999999900e-4", AMOUNT_CENTS_MAX),
        ("0e999", 0),
        // In doubles: 99.99 * 3, 0.1 + 0.2, 1.1 + 2.2, 4.35 * 100.
        ("299.96999999999997", 29997),
        ("0.30000000000000004", 30),
        ("3.3000000000000003", 330),
        ("434.99999999999994", 43500),
    ] {
        assert_eq!(Cents::parse(text).map(Cents::get), Ok(cents), "{text}");
    }
    use AmountError::*;
    for (text, error) in [
        ("", NotDecimal),
        ("1e", NotDecimal),
        ("e1", NotDecimal),
        ("1e1.0", NotDecimal),
        ("inf", NotDecimal),
        ("1e8", TooLarge),
        ("1e999", TooLarge),
        ("-1e1", Negative),
        ("1e-3", TooPrecise),
        ("1e-30", TooPrecise),
        ("299.9699999", TooPrecise),
        ("99999999.994", TooPrecise),
        (".5", NotDecimal),
        ("1.", NotDecimal),
        ("1.005", TooPrecise),
        ("-0.01", Negative),
        ("100000000", TooLarge),
        ("99999999999999999999999", TooLarge),
        ("NaN", NotDecimal),
        ("1 ", NotDecimal),
    ] {
        assert_eq!(Cents::parse(text), Err(error), "{text}");
    }
}

#[test]
fn sums_stop_at_the_column() {
    let most = Cents::parse("99999999.99").unwrap();
    assert_eq!(most.plus(Cents::new(1).unwrap()), None);
    assert_eq!(most.times(2), None);
    assert_eq!(most.times(u32::MAX), None);
    assert_eq!(Cents::ZERO.minus(Cents::new(1).unwrap()), None);
}

proptest! {
    #[test]
    fn what_is_printed_parses_back(cents in 0..=AMOUNT_CENTS_MAX) {
        let amount = Cents::new(cents).unwrap();
        prop_assert_eq!(Cents::parse(&amount.to_string()), Ok(amount));
    }

    /// What a client that counts in doubles sends for the lines of an order.
    #[test]
    fn sums_in_doubles_are_their_cents(lines in prop::collection::vec((0..1_000_000i64, 1..100i64), 1..100)) {
        let sum: f64 = lines.iter().map(|(cents, quantity)| *cents as f64 / 100.0 * *quantity as f64).sum();
        let cents: i64 = lines.iter().map(|(cents, quantity)| cents * quantity).sum();
        let parsed = Cents::parse(&format!("{sum}"));
        match Cents::new(cents) {
            Some(amount) => prop_assert_eq!(parsed, Ok(amount)),
            None => prop_assert_eq!(parsed, Err(AmountError::TooLarge)),
        }
    }

    /// Nothing that differs from whole cents in a decimal that people write is taken for them.
    #[test]
    fn parts_of_a_cent_are_refused(cents in 0..=AMOUNT_CENTS_MAX, part in 1..1000u32) {
        prop_assert_eq!(Cents::parse(&format!("{}.{:02}{part:03}", cents / 100, cents % 100)), Err(AmountError::TooPrecise));
    }
}
