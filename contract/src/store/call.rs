//! Calls of the scripts: the order of each one's KEYS and ARGV is defined only here, so that functions and relay cannot
//! disagree about it. What a script returns is documented at its head (`redis/*.lua`).

pub mod limit;
pub mod order;
pub mod sale;
pub mod stock;

use super::redis::Script;
use domain::OrderId;
use std::borrow::Cow;
use std::fmt;

/// One call of a script. Large texts are borrowed.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The script to run.
    pub script: &'static Script,
    /// Its KEYS, all with one hash tag.
    pub keys: Vec<String>,
    /// Its ARGV.
    pub arguments: Vec<Cow<'a, str>>,
}

impl<'a> Call<'a> {
    /// A call without arguments yet.
    pub fn new(script: &'static Script, keys: impl IntoIterator<Item = String>) -> Self {
        Self {
            script,
            keys: keys.into_iter().collect(),
            arguments: Vec::new(),
        }
    }

    /// Adds a text.
    #[must_use]
    pub fn text(mut self, text: impl Into<Cow<'a, str>>) -> Self {
        self.arguments.push(text.into());
        self
    }

    /// Adds a number, or another value that converts to text.
    #[must_use]
    pub fn arg(self, argument: impl ToString) -> Self {
        self.text(argument.to_string())
    }

    /// Adds several values in their order.
    #[must_use]
    pub fn args<T: ToString>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        let texts = arguments.into_iter().map(|one| one.to_string().into());
        self.arguments.extend(texts);
        self
    }

    /// Adds the fields of a hash or of a stream's entry, each before its value.
    #[must_use]
    pub fn fields(self, fields: &[(&'a str, &'a str)]) -> Self {
        let add = |call: Self, (field, value): &(&'a str, &'a str)| call.text(*field).text(*value);
        fields.iter().fold(self, add)
    }
}

/// Who holds a reservation in Redis, as the field of an intent names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// An order, from its reservation until the database has taken its units.
    Order(OrderId),
    /// A flash sale that is being preheated, by its number.
    Sale(u32),
    /// A stock change that takes units away, by the hash of its idempotency key.
    Change(u128),
    /// Units that another system holds, by the hash of its idempotency key, until the database has taken them.
    Hold(u128),
}

impl Holder {
    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Holder> {
        if let Some(number) = text.strip_prefix("seckill-") {
            return number.parse().ok().map(Holder::Sale);
        }
        let key = |key| u128::from_str_radix(key, 16).ok();
        if let Some(text) = text.strip_prefix("change-") {
            return key(text).map(Holder::Change);
        }
        match text.strip_prefix("hold-") {
            Some(text) => key(text).map(Holder::Hold),
            None => OrderId::new(text.parse().ok()?).map(Holder::Order),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Order(order) => order.fmt(f),
            Holder::Sale(number) => write!(f, "seckill-{number}"),
            Holder::Change(key) => write!(f, "change-{key:032x}"),
            Holder::Hold(key) => write!(f, "hold-{key:032x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::UserId;

    #[test]
    fn holders_read_back() {
        let order = OrderId::compose(4096, UserId::new(7).gene()).unwrap();
        for holder in [
            Holder::Order(order),
            Holder::Sale(3),
            Holder::Change(0xab),
            Holder::Change(u128::MAX),
            Holder::Hold(0xab),
        ] {
            assert_eq!(Holder::parse(&holder.to_string()), Some(holder));
        }
        for other in [
            "",
            "change-",
            "change-x",
            "hold-",
            "hold-x",
            "seckill-x",
            "x",
            "0",
        ] {
            assert_eq!(Holder::parse(other), None, "{other}");
        }
    }
}
