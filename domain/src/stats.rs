//! Statistics of orders, merged from parts: one of each shard, or one of the search index for all shards. The same
//! orders give the same result from either source, however they are spread.

use crate::limits::{HOT_PRODUCTS_MAX, RECENT_ORDERS_MAX};
use crate::{Cents, Ms, OrderId, ProductId, Status};
use std::collections::HashMap;

/// Orders in one state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub orders: u64,
    /// Sum of their `actual_amount`; may exceed what one amount may be.
    pub cents: u64,
    /// When the newest was created; `None` without orders.
    pub newest_at: Option<Ms>,
}

impl Tally {
    fn plus(self, other: Tally) -> Tally {
        Tally {
            orders: self.orders.saturating_add(other.orders),
            cents: self.cents.saturating_add(other.cents),
            newest_at: self.newest_at.max(other.newest_at),
        }
    }
}

/// Tallies by status. All sums saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([Tally; Status::ALL.len()]);

impl Counts {
    /// Adds to what is counted of this status already.
    pub fn add(&mut self, status: Status, tally: Tally) {
        let known = &mut self.0[status as usize];
        *known = known.plus(tally);
    }

    /// The sum of all parts.
    pub fn merged(parts: impl IntoIterator<Item = Counts>) -> Counts {
        let mut whole = Counts::default();
        for part in parts {
            for (status, tally) in part.each() {
                whole.add(status, tally);
            }
        }
        whole
    }

    /// Every status in the order of the codes, also those without orders.
    pub fn each(&self) -> impl Iterator<Item = (Status, Tally)> + '_ {
        Status::ALL
            .into_iter()
            .map(|status| (status, self.0[status as usize]))
    }

    fn all(&self) -> Tally {
        self.0.into_iter().fold(Tally::default(), Tally::plus)
    }

    /// How many in all states together.
    pub fn orders(&self) -> u64 {
        self.all().orders
    }

    /// When the newest order of any state was created; `None` without orders.
    pub fn newest_at(&self) -> Option<Ms> {
        self.all().newest_at
    }

    /// Cents of the orders that are paid and not cancelled.
    pub fn revenue(&self) -> u64 {
        let earned = self.each().filter(|(status, _)| status.is_revenue());
        earned.fold(0, |sum: u64, (_, tally)| sum.saturating_add(tally.cents))
    }
}

/// Share of orders in orders and failures, in ten-thousandths, rounded down: 10000 only without failures.
pub fn success_rate(orders: u64, failures: u64) -> u16 {
    let tried = u128::from(orders) + u128::from(failures);
    let rate = (u128::from(orders) * 10_000).checked_div(tried);
    rate.map_or(10_000, |rate| rate as u16)
}

/// Units of a product in standing orders ([`Status::is_standing`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sold {
    /// All its skus together.
    pub product: ProductId,
    /// Sum of the quantities.
    pub units: u64,
}

/// The [`HOT_PRODUCTS_MAX`] products with most units.
pub fn hottest(parts: impl IntoIterator<Item = Sold>) -> Vec<Sold> {
    most_sold(parts, HOT_PRODUCTS_MAX)
}

/// At most `count` products, parts of the same product added up: most units first, ties by the lower id.
pub fn most_sold(parts: impl IntoIterator<Item = Sold>, count: usize) -> Vec<Sold> {
    let mut units: HashMap<ProductId, u64> = HashMap::new();
    for part in parts {
        let sum = units.entry(part.product).or_default();
        *sum = sum.saturating_add(part.units);
    }
    let sold = units
        .into_iter()
        .map(|(product, units)| Sold { product, units });
    first(sold, count, |sold| {
        (std::cmp::Reverse(sold.units), sold.product)
    })
}

/// An order in the list of the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recent {
    /// Breaks ties of `created_at`.
    pub id: OrderId,
    /// What is to be paid.
    pub actual: Cents,
    /// When it was placed.
    pub created_at: Ms,
}

/// The [`RECENT_ORDERS_MAX`] newest, newest first, ties by the higher id.
pub fn newest(parts: impl IntoIterator<Item = Recent>) -> Vec<Recent> {
    first(parts.into_iter(), RECENT_ORDERS_MAX, |order| {
        std::cmp::Reverse((order.created_at, order.id))
    })
}

fn first<T, K: Ord>(all: impl Iterator<Item = T>, count: usize, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut all: Vec<T> = all.collect();
    all.sort_unstable_by_key(key);
    all.truncate(count);
    all
}

#[cfg(test)]
mod tests;
