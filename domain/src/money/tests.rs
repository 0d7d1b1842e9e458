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
    ] {
        assert_eq!(Cents::parse(text).map(Cents::get), Ok(cents), "{text}");
    }
    use AmountError::*;
    for (text, error) in [
        ("", NotDecimal),
        ("1e2", NotDecimal),
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
}
