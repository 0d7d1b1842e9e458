//! Tests of `stats`.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn tally(orders: u64, cents: u64) -> Tally {
    Tally {
        orders,
        cents,
        newest_at: None,
    }
}

#[test]
fn revenue_is_what_was_paid() {
    let mut counts = Counts::default();
    for status in Status::ALL {
        counts.add(status, tally(1, 10u64.pow(u32::from(status.code()))));
    }
    assert_eq!((counts.orders(), counts.revenue()), (6, 1_110));
}

#[test]
fn the_whole_is_all_of_its_parts() {
    let mut parts = [Counts::default(); 2];
    let newest_at = |at| Tally {
        newest_at: Some(at),
        ..tally(1, 10)
    };
    parts[0].add(Status::Paid, newest_at(7));
    parts[1].add(Status::Paid, newest_at(9));
    parts[1].add(Status::Pending, newest_at(8));
    let whole = Counts::merged(parts);
    assert_eq!((whole.orders(), whole.revenue()), (3, 20));
    assert_eq!(whole.newest_at(), Some(9));
    assert_eq!(Counts::default().newest_at(), None);
}

#[test]
fn the_newest_come_first() {
    let order = |id, created_at| Recent {
        id: OrderId::new(id).unwrap(),
        actual: Cents::ZERO,
        created_at,
    };
    let orders = (1..=RECENT_ORDERS_MAX as u64).map(|id| order(id, id / 2));
    let shown: Vec<u64> = newest(orders.chain([order(99, 3)]))
        .into_iter()
        .map(|order| order.id.get())
        .collect();
    let mut wanted: Vec<u64> = (1..=RECENT_ORDERS_MAX as u64).rev().collect();
    let place = wanted.iter().position(|id| *id == 7).unwrap();
    wanted.insert(place, 99);
    wanted.truncate(RECENT_ORDERS_MAX);
    assert_eq!(shown, wanted);
}

#[test]
fn rates_reach_one_only_without_a_failure() {
    for (orders, failures, rate) in [
        (0, 0, 10_000),
        (5, 0, 10_000),
        (0, 5, 0),
        (2, 1, 6_666),
        (99_999, 1, 9_999),
        (u64::MAX, u64::MAX, 5_000),
    ] {
        assert_eq!(success_rate(orders, failures), rate, "{orders} {failures}");
    }
}

#[test]
fn sums_stop_instead_of_wrapping() {
    let mut counts = Counts::default();
    counts.add(Status::Paid, tally(u64::MAX, u64::MAX));
    counts.add(Status::Shipped, tally(1, 1));
    assert_eq!((counts.orders(), counts.revenue()), (u64::MAX, u64::MAX));
}

#[test]
fn ties_are_broken_the_same_way_everywhere() {
    let sold = |product, units| Sold {
        product: ProductId(product),
        units,
    };
    let many = (1..=12).map(|product| sold(product, 5));
    let top: Vec<u64> = hottest(many.chain([sold(40, 3), sold(40, 3)]))
        .into_iter()
        .map(|sold| sold.product.0)
        .collect();
    assert_eq!(top, [40, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

/// An order as these statistics see it.
#[derive(Clone, Debug)]
struct Placed {
    shard: usize,
    status: Status,
    items: Vec<(u64, u32)>,
    recent: Recent,
}

fn placed() -> impl Strategy<Value = Placed> {
    let status = (0..Status::ALL.len()).prop_map(|at| Status::ALL[at]);
    let items = vec((1u64..30, 1u32..9), 1..4);
    // Times repeat, so that ties happen; the test makes ids unique.
    (0usize..4, status, items, 1u64..50, 0i64..100_000).prop_map(
        |(shard, status, items, created_at, cents)| Placed {
            shard,
            status,
            items,
            recent: Recent {
                id: OrderId::new(1).unwrap(),
                actual: Cents::new(cents).unwrap(),
                created_at,
            },
        },
    )
}

type Answer = (Counts, Vec<Sold>, Vec<Recent>);

/// Statistics of one shard's orders, the newest cut to length as a database does.
fn part(orders: &[&Placed]) -> Answer {
    let mut counts = Counts::default();
    let mut units: HashMap<u64, u64> = HashMap::new();
    for order in orders {
        let tally = Tally {
            orders: 1,
            cents: order.recent.actual.get() as u64,
            newest_at: Some(order.recent.created_at),
        };
        counts.add(order.status, tally);
        for (product, quantity) in &order.items {
            if order.status.is_standing() {
                *units.entry(*product).or_default() += u64::from(*quantity);
            }
        }
    }
    let sold = units.into_iter().map(|(product, units)| Sold {
        product: ProductId(product),
        units,
    });
    let recent = newest(orders.iter().map(|order| order.recent));
    (counts, sold.collect(), recent)
}

fn whole(parts: Vec<Answer>) -> Answer {
    (
        Counts::merged(parts.iter().map(|part| part.0)),
        hottest(parts.iter().flat_map(|part| part.1.clone())),
        newest(parts.iter().flat_map(|part| part.2.clone())),
    )
}

proptest! {
    #[test]
    fn however_orders_are_spread_the_answer_is_the_same(mut orders in vec(placed(), 0..300)) {
        for (number, order) in (1..).zip(&mut orders) {
            order.recent.id = OrderId::new(number * 7 % 1_009 + 1).unwrap();
        }
        let all: Vec<&Placed> = orders.iter().collect();
        let together = whole(vec![part(&all)]);
        let spread = (0..4).map(|shard| {
            let own: Vec<&Placed> = orders.iter().filter(|order| order.shard == shard).collect();
            part(&own)
        });
        prop_assert_eq!(whole(spread.collect()), together);
    }
}
