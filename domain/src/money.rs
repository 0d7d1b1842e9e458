//! Amounts in integer cents: exact, bounded, and printed with two decimals.

use crate::limits::AMOUNT_CENTS_MAX;
use std::fmt;

/// An amount of zero to 99,999,999.99, in cents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cents(i64);

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Signs other than `-` and missing digits included.
    #[error("is not a decimal number")]
    NotDecimal,
    /// Below zero; `-0` is zero.
    #[error("must not be negative")]
    Negative,
    /// A part of a cent, and more than floating point makes of whole cents.
    #[error("has more than two decimals")]
    TooPrecise,
    /// Above [`AMOUNT_CENTS_MAX`].
    #[error("is above 99999999.99")]
    TooLarge,
}

impl Cents {
    /// 0.00.
    pub const ZERO: Cents = Cents(0);

    /// `None` outside of zero to 99,999,999.99.
    pub const fn new(cents: i64) -> Option<Cents> {
        if cents < 0 || cents > AMOUNT_CENTS_MAX {
            None
        } else {
            Some(Cents(cents))
        }
    }

    /// Whole cents, as the BIGINT columns store them.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Parses a decimal number as JSON spells it: `12`, `12.5`, `12.50`, `1.25e1`. What floating point has made of an
    /// amount of cents is that amount: `299.96999999999997`, which is 99.99 times 3 in doubles, is 299.97.
    ///
    /// # Errors
    /// Where the text is no such amount.
    pub fn parse(text: &str) -> Result<Cents, AmountError> {
        match exact(text) {
            Err(AmountError::NotDecimal | AmountError::TooPrecise) => computed(text),
            parsed => parsed,
        }
    }

    /// `None` above 99,999,999.99.
    pub fn times(self, quantity: u32) -> Option<Cents> {
        self.0.checked_mul(i64::from(quantity)).and_then(Cents::new)
    }

    /// `None` above 99,999,999.99.
    pub fn plus(self, other: Cents) -> Option<Cents> {
        self.0.checked_add(other.0).and_then(Cents::new)
    }

    /// `None` below zero.
    pub fn minus(self, other: Cents) -> Option<Cents> {
        self.0.checked_sub(other.0).and_then(Cents::new)
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// Plain decimals, digit by digit: what nearly all clients send.
fn exact(text: &str) -> Result<Cents, AmountError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if !numeric(whole) || !numeric(fraction) {
        return Err(AmountError::NotDecimal);
    }
    let mut decimals = fraction.bytes().map(|b| i64::from(b - b'0'));
    let (tenths, hundredths) = (decimals.next().unwrap_or(0), decimals.next().unwrap_or(0));
    if decimals.any(|digit| digit != 0) {
        return Err(AmountError::TooPrecise);
    }
    let units = whole.trim_start_matches('0');
    if units.len() > 8 {
        return Err(AmountError::TooLarge);
    }
    let units = units
        .bytes()
        .fold(0i64, |sum, b| sum * 10 + i64::from(b - b'0'));
    let cents = units * 100 + tenths * 10 + hundredths;
    if negative && cents > 0 {
        return Err(AmountError::Negative);
    }
    Cents::new(cents).ok_or(AmountError::TooLarge)
}

fn numeric(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// How far a computed amount may be from whole cents, relative to itself: 64 units in the last place of a double, as
/// much as a sum over the lines of an order may lose. Even the largest amount is then within 0.00015 cents.
const COMPUTED_ERROR_MAX: f64 = 64.0 * f64::EPSILON;

/// With an exponent, or with the digits that floating point leaves.
fn computed(text: &str) -> Result<Cents, AmountError> {
    if !is_json_number(text) {
        return Err(AmountError::NotDecimal);
    }
    let amount: f64 = text.parse().map_err(|_| AmountError::NotDecimal)?;
    let cents = (amount * 100.0).round();
    if (amount - cents / 100.0).abs() > amount.abs() * COMPUTED_ERROR_MAX {
        return Err(AmountError::TooPrecise);
    }
    if cents < 0.0 {
        return Err(AmountError::Negative);
    }
    if cents > AMOUNT_CENTS_MAX as f64 {
        return Err(AmountError::TooLarge);
    }
    Cents::new(cents as i64).ok_or(AmountError::TooLarge)
}

/// Whether a text is a number by JSON's grammar, but for zeros in front: `-12.50e+3`.
fn is_json_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (
            mantissa,
            exponent.strip_prefix(['+', '-']).unwrap_or(exponent),
        ),
        None => (unsigned, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    [whole, fraction, exponent].into_iter().all(numeric)
}

#[cfg(test)]
mod tests;
