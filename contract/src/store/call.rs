//! Calls of the scripts: each one's KEYS and ARGV are put in their order here alone, so that functions and relay cannot
//! disagree about them. What a script answers is said at its head (`redis/*.lua`).

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
    pub script: &'static Script,
    /// All with one hash tag.
    pub keys: Vec<String>,
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

    /// Adds a text as it is.
    #[must_use]
    pub fn text(mut self, text: impl Into<Cow<'a, str>>) -> Self {
        self.arguments.push(text.into());
        self
    }

    /// Adds a number, or what else shows itself as text.
    #[must_use]
    pub fn arg(self, argument: impl ToString) -> Self {
        self.text(argument.to_string())
    }

    /// Adds one after the other.
    #[must_use]
    pub fn args<T: ToString>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        let texts = arguments.into_iter().map(|one| one.to_string().into());
        self.arguments.extend(texts);
        self
    }
}

/// Whom Redis has promised units: as intents name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// An order, from its reservation until the database has it.
    Order(OrderId),
    /// A flash sale that is being preheated, by its number.
    Sale(u32),
}

impl Holder {
    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Holder> {
        match text.strip_prefix("seckill-") {
            Some(number) => number.parse().ok().map(Holder::Sale),
            None => OrderId::new(text.parse().ok()?).map(Holder::Order),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Order(order) => order.fmt(f),
            Holder::Sale(number) => write!(f, "seckill-{number}"),
        }
    }
}
