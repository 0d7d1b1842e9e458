//! Tests of `hold`.

use super::*;
use crate::{Amounts, Cents, OrderItem, StockMode, User, UserId};
use proptest::prelude::*;

fn line(quantity: u32) -> Line {
    Line {
        order: OrderId::new(7).unwrap(),
        product: ProductId(3),
        sku: SkuId(2),
        quantity,
    }
}

fn stored(line: Line, state: LineState, by_message: bool) -> Settled {
    Settled {
        line,
        state,
        by_message,
    }
}

#[test]
fn a_message_confirms_once_and_one_thing() {
    assert_eq!(confirm(line(5), &[]), Ok(Move::Sell));
    for state in LineState::ALL {
        // Delivered again, also after the order was cancelled.
        let own = [stored(line(5), state, false), stored(line(5), state, true)];
        assert_eq!(confirm(line(5), &own), Ok(Move::None), "{state}");
        // The line by another message, or rolled back.
        let other = [stored(line(5), state, false)];
        assert_eq!(confirm(line(5), &other), Err(line(5).settled(state)));
    }
    let changes: [fn(&mut Line); 4] = [
        |line| line.order = OrderId::new(8).unwrap(),
        |line| line.product = ProductId(4),
        |line| line.sku = SkuId(0),
        |line| line.quantity = 6,
    ];
    for change in changes {
        let mut other = line(5);
        change(&mut other);
        let found = [stored(other, LineState::Confirmed, true)];
        assert_eq!(confirm(line(5), &found), Err(Rejection::MessageUsed));
    }
}

#[test]
fn a_line_is_rolled_back_once() {
    let found = |state| [stored(line(5), state, false)];
    assert_eq!(roll_back(line(5), &[]), Ok(Move::GiveBack));
    for (state, does) in [
        (LineState::Confirmed, Move::Return),
        (LineState::RolledBack, Move::None),
        (LineState::Returned, Move::None),
    ] {
        assert_eq!(roll_back(line(5), &found(state)), Ok(does), "{state}");
        let other = roll_back(line(4), &found(state)).unwrap_err();
        assert!(
            other.to_string().starts_with("quantity must be 5"),
            "{other}"
        );
    }
}

fn order(status: Status, sku: SkuId) -> Order {
    let price = Cents::new(250).unwrap();
    let item = |quantity| OrderItem {
        product: ProductId(3),
        sku,
        name: "Tea".to_owned(),
        image: None,
        price,
        quantity,
        foreign_sale: None,
        subtotal: price.times(quantity).unwrap(),
        stock_mode: StockMode::Redis,
    };
    let user = User {
        id: UserId::new(1),
        reference: None,
    };
    let amounts = Amounts::undiscounted(price.times(5).unwrap());
    let items = vec![item(2), item(3)];
    let mut order = Order::pending(line(5).order, user, items, amounts, 0);
    order.status = status;
    order
}

#[test]
fn our_own_orders_move_their_units_themselves() {
    for status in Status::ALL {
        let order = order(status, SkuId(2));
        let confirmed = confirm_own(&order, line(5)).is_ok();
        assert_eq!(confirmed, status.is_revenue(), "{status}");
        let rolled_back = roll_back_own(&order, line(5)).is_ok();
        assert_eq!(rolled_back, status == Status::Cancelled, "{status}");
    }
    let paid = order(Status::Paid, SkuId(2));
    assert!(confirm_own(&paid, line(4)).is_err(), "another quantity");
    let other = Line {
        sku: SkuId(0),
        ..line(5)
    };
    assert!(confirm_own(&paid, other).is_err(), "another sku");
    let sale = order(Status::Paid, SkuId(2).of_sale(9));
    assert_eq!(confirm_own(&sale, line(5)), Ok(()));
    let cancelled = order(Status::Cancelled, SkuId(2));
    assert!(roll_back_own(&cancelled, line(6)).is_err());
}

proptest! {
    #[test]
    fn a_line_gets_all_its_units_or_none(units in prop::collection::vec(1_u32..9, 0..9), quantity in 1_u32..40) {
        let holds: Vec<Open> = (1..).zip(&units).map(|(hold, units)| Open { hold, units: *units }).collect();
        match cover(&holds, quantity) {
            None => prop_assert!(units.iter().sum::<u32>() < quantity),
            Some(taken) => {
                prop_assert_eq!(taken.iter().map(|one| one.units).sum::<u32>(), quantity);
                for (hold, one) in holds.iter().zip(&taken) {
                    prop_assert!(one.hold == hold.hold && (1..=hold.units).contains(&one.units));
                }
                let whole = taken.len().saturating_sub(1);
                prop_assert_eq!(&taken[..whole], &holds[..whole], "only the last is split");
            }
        }
    }
}
