//! Whole numbers in requests: `2`, `2.0` and `2e0` are one number, as in JSON they are.

use serde::de::{self, Deserialize, Deserializer, Unexpected, Visitor};
use std::fmt;

/// Whole numbers up to this one have a double of their own: a larger one with a point or an exponent may be another
/// number than was meant.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// The whole number that a double stands for.
pub(crate) fn of_double(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= EXACT_MAX).then_some(number as i64)
}

/// A whole number in any spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole(pub i64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Whole, D::Error> {
        struct AnyNumber;
        impl Visitor<'_> for AnyNumber {
            type Value = Whole;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Whole, E> {
                Ok(Whole(number))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Whole, E> {
                // The bounds of every field are far below.
                Ok(Whole(i64::try_from(number).unwrap_or(i64::MAX)))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Whole, E> {
                let whole = of_double(number).map(Whole);
                whole.ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))
            }
        }
        deserializer.deserialize_any(AnyNumber)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_in_value_is_equal() {
        let read = |text: &str| serde_json::from_str::<Whole>(text).map(|whole| whole.0);
        for (text, number) in [
            ("2", 2),
            ("2.0", 2),
            ("2e0", 2),
            ("20E-1", 2),
            ("-2.00", -2),
            ("9007199254740992.0", 1 << 53),
            ("18446744073709551615", i64::MAX),
        ] {
            assert_eq!(read(text).ok(), Some(number), "{text}");
        }
        for other in ["2.5", "1e16", "1e400", "\"2\"", "null", "true", "[2]"] {
            assert!(read(other).is_err(), "{other}");
        }
    }
}
