//! A batch whose products somebody else holds is taken in by parts, so that one product that is held does not hold the
//! stock of all. Moves that share a product or an order stay together and in their order, also with those that come
//! later.

use super::message::StockMove;
use domain::ProductId;
use std::collections::{HashMap, HashSet};

/// Moves that can be tried together, and parts that were held before, with what has come for them since.
#[derive(Debug, Default)]
pub struct Work {
    pub free: Vec<StockMove>,
    pub held: Vec<Vec<StockMove>>,
}

impl Work {
    /// What comes for a held part waits behind it.
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

/// The parts of a batch that have no product in common.
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

/// Which moves belong together: each points at an earlier one, or at itself.
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
mod tests {
    use super::*;
    use crate::loops::stock::message::Line;
    use domain::stock::StockEffect;
    use domain::{OrderId, SkuId, StockMode, UserId};
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn moves(products: &[Vec<u64>]) -> Vec<StockMove> {
        let line = |product: &u64| Line {
            product: ProductId(*product),
            sku: SkuId(0),
            quantity: 1,
            mode: StockMode::Redis,
        };
        products
            .iter()
            .enumerate()
            .map(|(at, products)| StockMove {
                message_id: at.to_string(),
                order: OrderId::compose(4096 + at as u64, UserId::new(7).gene()).unwrap(),
                effect: StockEffect::Reserve,
                lines: products.iter().map(line).collect(),
            })
            .collect()
    }

    #[test]
    fn moves_that_share_a_product_stay_together() {
        let moves = moves(&[vec![1], vec![2], vec![1, 3], vec![4], vec![3, 4]]);
        let ids: Vec<Vec<String>> = parts(&moves)
            .into_iter()
            .map(|part| part.into_iter().map(|one| one.message_id).collect())
            .collect();
        assert_eq!(ids, [vec!["0", "2", "3", "4"], vec!["1"]]);
    }

    #[test]
    fn what_comes_for_a_held_product_waits_behind_it() {
        let all = moves(&[vec![1], vec![2], vec![3], vec![2, 4], vec![5], vec![4]]);
        let ids = |moves: &[StockMove]| -> Vec<String> {
            moves.iter().map(|one| one.message_id.clone()).collect()
        };
        let held = vec![vec![all[0].clone()], vec![all[1].clone()]];
        let work = Work::join(held, all[2..].to_vec());
        assert_eq!(ids(&work.free), ["2", "4"]);
        let held: Vec<_> = work.held.iter().map(|part| ids(part)).collect();
        assert_eq!(held, [vec!["0"], vec!["1", "3", "5"]]);
        let linked = Work::join(work.held, moves(&[vec![], vec![1, 2]])[1..].to_vec());
        assert_eq!((linked.free.len(), linked.held.len()), (0, 1));
    }

    proptest! {
        #[test]
        fn parts_have_nothing_in_common_and_lose_nothing(
            products in proptest::collection::vec(proptest::collection::vec(0u64..12, 1..4), 0..30)
        ) {
            let all = moves(&products);
            let parts = parts(&all);
            prop_assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), all.len());
            let mut seen: HashSet<ProductId> = HashSet::new();
            for part in &parts {
                let own: HashSet<ProductId> = part.iter().flat_map(|one| &one.lines).map(|line| line.product).collect();
                prop_assert!(own.is_disjoint(&seen));
                seen.extend(own);
                let order: Vec<usize> = part.iter().map(|one| one.message_id.parse().unwrap()).collect();
                prop_assert!(order.is_sorted());
            }
        }
    }
}
