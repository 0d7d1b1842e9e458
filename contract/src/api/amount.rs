//! Money on the wire: a JSON number with two decimals; read as clients that count in doubles spell it.

use domain::Cents;
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{self, Serialize, Serializer};
use serde_json::value::RawValue;

/// An amount as `12.50`; reads numbers and decimal strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount(pub Cents);

/// A total over many orders, in cents: may exceed the maximum of one amount. Written like an amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(pub u64);

impl Serialize for Sum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(format!("{}.{:02}", self.0 / 100, self.0 % 100))
            .map_err(ser::Error::custom)?
            .serialize(serializer)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string())
            .map_err(ser::Error::custom)?
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        let raw = <Box<RawValue>>::deserialize(deserializer)?;
        let text = raw.get();
        let decimal = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or(text);
        Cents::parse(decimal).map(Amount).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_outgrow_amounts() {
        let text = |cents| serde_json::to_string(&Sum(cents)).unwrap();
        assert_eq!((text(5), text(110)), ("0.05".to_owned(), "1.10".to_owned()));
        assert_eq!(text(u64::MAX), "184467440737095516.15");
    }

    #[test]
    fn exact_both_ways() {
        for (text, cents) in [
            ("12.50", 1250),
            ("12.5", 1250),
            ("\"0.07\"", 7),
            ("199", 19900),
            ("99999999.99", 9_999_999_999),
            ("1e1", 1000),
            ("299.96999999999997", 29997),
        ] {
            assert_eq!(
                serde_json::from_str::<Amount>(text).unwrap().0.get(),
                cents,
                "{text}"
            );
        }
        assert_eq!(
            serde_json::to_string(&Amount(Cents::new(110).unwrap())).unwrap(),
            "1.10"
        );
        for bad in [
            "1.005", "-1", "1e8", "1e-3", "null", "true", "[]", "\"\"", "\"1,5\"",
        ] {
            assert!(serde_json::from_str::<Amount>(bad).is_err(), "{bad}");
        }
    }
}
