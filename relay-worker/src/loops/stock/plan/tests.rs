//! Tests every move in every state, and that no sequence of messages creates or loses a unit.

use super::*;
use domain::{EventId, ProductId, SkuId, UserId};
use proptest::prelude::*;

fn order(number: u64) -> OrderId {
    OrderId::compose(4096 + number, UserId::new(1).gene()).unwrap()
}

fn line(product: u64, quantity: u32, mode: StockMode) -> Line {
    Line {
        product: ProductId(product),
        sku: SkuId(0),
        quantity,
        mode,
    }
}

fn one(number: u64, effect: StockEffect, lines: &[Line]) -> StockMove {
    let order = order(number);
    StockMove {
        message_id: EventId { order, version: 1 }.to_string(),
        order,
        effect,
        lines: lines.to_vec(),
    }
}

fn stock(rows: &[(u64, u32)]) -> HashMap<Variant, Inventory> {
    rows.iter()
        .map(|(product, available)| {
            let row = Inventory {
                product: ProductId(*product),
                sku: SkuId(0),
                available: *available,
                locked: 0,
                sold: 0,
                version: 0,
            };
            ((row.product, row.sku), row)
        })
        .collect()
}

fn row(plan: &Plan, product: u64) -> (u32, u32, u32) {
    let row = plan.stock[&(ProductId(product), SkuId(0))];
    (row.available, row.locked, row.sold)
}

use StockEffect::{Confirm, Reserve, Return, Rollback};
use StockMode::{Db, Redis};

#[test]
fn a_life_moves_each_unit_once() {
    let lines = [line(1, 3, Redis)];
    let all = [
        one(1, Reserve, &lines),
        one(1, Reserve, &lines),
        one(1, Confirm, &lines),
        one(1, Confirm, &lines),
        one(1, Return, &lines),
        one(1, Return, &lines),
    ];
    for (moves, expected) in [
        (1, (7, 3, 0)),
        (2, (7, 3, 0)),
        (4, (7, 0, 3)),
        (6, (10, 0, 0)),
    ] {
        let plan = plan(&all[..moves], HashMap::new(), stock(&[(1, 10)]));
        assert_eq!(row(&plan, 1), expected, "after {moves}");
        assert!(plan.anomalies.is_empty() && plan.refused.is_empty());
    }
}

#[test]
fn the_last_guard_takes_whole_orders_in_their_turn() {
    let moves = [
        one(1, Reserve, &[line(1, 6, Redis)]),
        one(2, Reserve, &[line(2, 1, Redis), line(1, 5, Redis)]),
        one(3, Reserve, &[line(1, 4, Redis)]),
        one(2, Rollback, &[line(2, 1, Redis), line(1, 5, Redis)]),
    ];
    let plan = plan(&moves, HashMap::new(), stock(&[(1, 10), (2, 10)]));
    assert_eq!(row(&plan, 1), (0, 10, 0));
    assert!(!plan.stock.contains_key(&(ProductId(2), SkuId(0))));
    assert_eq!(plan.refused.keys().collect::<Vec<_>>(), [&order(2)]);
    let states: Vec<LineState> = plan.logs.values().map(|logged| logged.state).collect();
    assert_eq!(
        states,
        [
            LineState::Reserved,
            LineState::Refused,
            LineState::Refused,
            LineState::Reserved
        ]
    );
}

#[test]
fn a_product_without_a_row_is_refused() {
    let plan = plan(
        &[one(1, Reserve, &[line(9, 1, Redis)])],
        HashMap::new(),
        stock(&[]),
    );
    assert_eq!(plan.refused[&order(1)], (ProductId(9), SkuId(0)));
}

#[test]
fn lines_the_function_reserved_do_not_move_again() {
    let logged = Logged {
        state: LineState::Reserved,
        quantity: 2,
        mode: Db,
    };
    let logs = HashMap::from([((order(1), ProductId(1), SkuId(0)), logged)]);
    let lines = [line(1, 2, Db)];
    let after = plan(&[one(1, Reserve, &lines)], logs.clone(), stock(&[(1, 5)]));
    assert!(after.stock.is_empty() && after.logs.is_empty() && after.anomalies.is_empty());
    let mut locked = stock(&[(1, 3)]);
    locked.get_mut(&(ProductId(1), SkuId(0))).unwrap().locked = 2;
    let back = plan(&[one(1, Rollback, &lines)], logs, locked);
    assert_eq!(row(&back, 1), (5, 0, 0));
    let crashed = plan(&[one(1, Reserve, &lines)], HashMap::new(), stock(&[(1, 5)]));
    assert_eq!(row(&crashed, 1), (3, 2, 0));
    assert_eq!(crashed.anomalies.len(), 1);
}

#[test]
fn a_cancellation_that_overtakes_its_reservation_stops_it() {
    let lines = [line(1, 3, Redis)];
    let plan = plan(
        &[one(1, Rollback, &lines), one(1, Reserve, &lines)],
        HashMap::new(),
        stock(&[(1, 10)]),
    );
    assert!(plan.stock.is_empty());
}

#[test]
fn what_was_paid_without_a_reservation_is_sold_if_it_can_be() {
    let lines = [line(1, 3, Redis)];
    let sold = plan(&[one(1, Confirm, &lines)], HashMap::new(), stock(&[(1, 3)]));
    assert_eq!(row(&sold, 1), (0, 0, 3));
    let none = plan(&[one(1, Confirm, &lines)], HashMap::new(), stock(&[(1, 2)]));
    assert!(none.stock.is_empty());
    assert_eq!(none.anomalies.len(), 2);
}

fn any_move() -> impl Strategy<Value = StockMove> {
    let effect = prop_oneof![Just(Reserve), Just(Confirm), Just(Rollback), Just(Return)];
    (0u64..6, effect).prop_map(|(number, effect)| {
        // Lines belong to the order, so a repeat carries the same ones.
        let mode = if number % 3 == 0 { Db } else { Redis };
        let lines = [line(number % 2, 1 + number as u32, mode), line(7, 2, Redis)];
        one(number, effect, &lines)
    })
}

proptest! {
    #[test]
    fn units_are_kept_and_the_log_explains_them(moves in proptest::collection::vec(any_move(), 0..60), cut in 0usize..60) {
        let seeded = stock(&[(0, 9), (1, 12), (7, 6)]);
        let whole = plan(&moves, HashMap::new(), seeded.clone());

        // In two batches: the same end.
        let cut = cut.min(moves.len());
        let first = plan(&moves[..cut], HashMap::new(), seeded.clone());
        let mut between = seeded.clone();
        between.extend(first.stock);
        let logs: HashMap<_, _> = first.logs.into_iter().collect();
        let second = plan(&moves[cut..], logs.clone(), between.clone());
        let mut end = between;
        end.extend(second.stock);
        let mut log_end = logs;
        log_end.extend(second.logs);
        let mut whole_end = seeded.clone();
        whole_end.extend(whole.stock);
        for (variant, row) in &end {
            prop_assert_eq!(row.seeded(), seeded[variant].seeded());
            let sum = |state| log_end.iter().filter(|(key, l)| (key.1, key.2) == *variant && l.state == state)
                .map(|(_, l)| l.quantity).sum::<u32>();
            prop_assert_eq!(row.locked, sum(LineState::Reserved));
            prop_assert_eq!(row.sold, sum(LineState::Confirmed));
            let other = whole_end[variant];
            prop_assert_eq!((row.available, row.locked, row.sold), (other.available, other.locked, other.sold));
        }
    }
}

/// What is sold comes back by a return alone: a rollback, which believes that it is unpaid, is a contradiction.
#[test]
fn a_rollback_of_what_is_sold_moves_nothing() {
    let lines = [line(1, 3, Redis)];
    let moves = [
        one(1, Reserve, &lines),
        one(1, Confirm, &lines),
        one(1, Rollback, &lines),
    ];
    let plan = plan(&moves, HashMap::new(), stock(&[(1, 10)]));
    assert_eq!(row(&plan, 1), (7, 0, 3));
    assert_eq!(plan.anomalies.len(), 1, "{:?}", plan.anomalies);
}
