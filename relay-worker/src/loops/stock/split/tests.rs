//! Tests of `split`.

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
