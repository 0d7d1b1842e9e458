//! Splits a batch where another transaction holds some of its rows, so that one held product does not hold up the stock
//! of all. Moves that share a product or an order stay together and in order, also with later ones.

use super::message::StockMove;
use domain::ProductId;
use std::collections::{HashMap, HashSet};

/// What is to be applied.
#[derive(Debug, Default)]
pub struct Work {
    /// Moves that can be tried together: none shares a product or an order with a held part.
    pub free: Vec<StockMove>,
    /// Parts that were held before, each with later moves that belong to it.
    pub held: Vec<Vec<StockMove>>,
}

impl Work {
    /// Adds fresh moves: one that shares a product or an order with a held part waits behind it.
    pub fn join(held: Vec<Vec<StockMove>>, fresh: Vec<StockMove>) -> Work {
        if held.is_empty() {
            return Work { free: fresh, held };
        }
        let waiting: HashSet<String> = held
            .iter()
            .flatten()
            .map(|one| one.message_id.clone())
            .collect();
        let all: Vec<StockMove> = held.into_iter().flatten().chain(fresh).collect();
        let (held, free): (Vec<_>, Vec<_>) = parts(&all)
            .into_iter()
            .partition(|part| waiting.contains(&part[0].message_id));
        let free = free.into_iter().flatten().collect();
        Work { free, held }
    }
}

/// Splits a batch into parts that have no product and no order in common.
pub fn parts(moves: &[StockMove]) -> Vec<Vec<StockMove>> {
    let mut roots = Roots((0..moves.len()).collect());
    let mut first: HashMap<ProductId, usize> = HashMap::new();
    let mut orders = HashMap::new();
    for (at, one) in moves.iter().enumerate() {
        let before = *orders.entry(one.order).or_insert(at);
        roots.join(at, before);
        for line in &one.lines {
            let before = *first.entry(line.product).or_insert(at);
            roots.join(at, before);
        }
    }
    let mut parts: Vec<Vec<StockMove>> = Vec::new();
    let mut places: HashMap<usize, usize> = HashMap::new();
    for (at, one) in moves.iter().enumerate() {
        let root = roots.of(at);
        let place = *places.entry(root).or_insert_with(|| {
            parts.push(Vec::new());
            parts.len() - 1
        });
        parts[place].push(one.clone());
    }
    parts
}

/// Which moves belong together (union-find): each points at an earlier one, or at itself.
struct Roots(Vec<usize>);

impl Roots {
    fn of(&mut self, at: usize) -> usize {
        let mut at = at;
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.of(one), self.of(other));
        self.0[one.max(other)] = one.min(other);
    }
}

#[cfg(test)]
mod tests;
