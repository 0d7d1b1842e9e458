//! Amounts in integer cents: exact, bounded, and printed with two decimals.

use crate::limits::AMOUNT_CENTS_MAX;
use std::fmt;

/// An amount of zero to 99,999,999.99, in cents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cents(i64);

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Exponents, signs other than `-` and missing digits included.
    #[error("is not a decimal number")]
    NotDecimal,
    /// Below zero; `-0` is zero.
    #[error("must not be negative")]
    Negative,
    /// A digit other than 0 follows the second decimal.
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

    /// Parses `12`, `12.5` or `12.50`; zeros after the second decimal are allowed, other digits are not.
    ///
    /// # Errors
    /// Where the text is no such amount.
    pub fn parse(text: &str) -> Result<Cents, AmountError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let numeric = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
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

#[cfg(test)]
mod tests;
