//! Tests of `order`.

use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

fn id() -> OrderId {
    OrderId::compose(4096, UserId::new(1).gene()).unwrap()
}

#[test]
fn names_codes_and_aliases_read_back() {
    for status in Status::ALL {
        assert_eq!(Status::parse(status.name()), Some(status));
        assert_eq!(Status::parse(&status.code().to_string()), Some(status));
        assert_eq!(Status::from_code(status.code()), Some(status));
    }
    assert_eq!(Status::parse("Delivered"), Some(Status::Completed));
    assert_eq!(Status::Shipped.to_string(), "shipped");
    let standing: Vec<bool> = Status::ALL.into_iter().map(Status::is_standing).collect();
    assert_eq!(standing, [true, true, true, true, false, false]);
    assert_eq!(Status::parse("canceled"), Some(Status::Cancelled));
    assert_eq!(Status::parse("all"), None);
    assert_eq!(Status::from_code(6), None);
}

#[test]
fn the_whole_table() {
    use Status::*;
    let legal: HashSet<(Status, Status)> =
        [(Pending, Paid), (Shipped, Completed), (Pending, Cancelled)].into();
    let admin_only: HashSet<(Status, Status)> = [
        (Paid, Shipped),
        (Pending, Shipped),
        (Pending, Completed),
        (Paid, Completed),
        (Paid, Cancelled),
        (Shipped, Cancelled),
    ]
    .into();
    for from in Status::ALL {
        for to in Status::ALL {
            let user = steps(id(), from, to, Actor::User).is_ok();
            let admin = steps(id(), from, to, Actor::Admin).is_ok();
            assert_eq!(user, legal.contains(&(from, to)), "user {from} -> {to}");
            assert_eq!(
                admin,
                user || admin_only.contains(&(from, to)),
                "admin {from} -> {to}"
            );
        }
    }
    assert_eq!(
        steps(id(), Cancelled, Cancelled, Actor::User),
        Err(Rejection::AlreadyCancelled(id()))
    );
    assert_eq!(
        steps(id(), Paid, Cancelled, Actor::User),
        Err(Rejection::AlreadyPaid(id()))
    );
    assert_eq!(
        steps(id(), Paid, Paid, Actor::Admin),
        Err(Rejection::AlreadyPaid(id()))
    );
    assert_eq!(
        steps(id(), Completed, Cancelled, Actor::Admin),
        Err(Rejection::IllegalTransition {
            from: Completed,
            to: Cancelled
        })
    );
}

#[test]
fn steps_join_up_and_settle_stock_once() {
    for from in Status::ALL {
        for to in Status::ALL {
            let Ok(steps) = steps(id(), from, to, Actor::Admin) else {
                continue;
            };
            assert_eq!(steps.first().map(|s| s.from), Some(from));
            assert_eq!(steps.last().map(|s| s.to), Some(to));
            assert!(steps.windows(2).all(|pair| pair[0].to == pair[1].from));
            assert!(steps.iter().filter(|s| s.stock.is_some()).count() <= 1);
        }
    }
}

#[test]
fn only_the_platform_revives_what_failed() {
    let revive = |actor| steps(id(), Status::Failed, Status::Pending, actor);
    let step = revive(Actor::System).unwrap()[0];
    assert_eq!(step.stock, Some(StockEffect::Reserve));
    assert!(revive(Actor::Admin).is_err() && revive(Actor::User).is_err());
}

#[test]
fn a_user_is_shown_as_they_spelled_themselves() {
    let user = |reference: Option<&str>| User {
        id: UserId::new(7),
        reference: reference.map(str::to_owned),
    };
    assert_eq!(user(None).shown(), "7");
    assert_eq!(user(Some("user_7")).shown(), "user_7");
}

#[test]
fn amounts_refuse_what_does_not_fit() {
    assert!(amounts(&vec![(Cents::ZERO, 1); ITEMS_MAX], Cents::ZERO).is_ok());
    let price = Cents::parse("99999999.99").unwrap();
    assert!(amounts(&[(price, 1)], Cents::ZERO).is_ok());
    assert!(amounts(&[(price, 2)], Cents::ZERO).is_err());
    assert!(amounts(&[(price, 1), (price, 1)], Cents::ZERO).is_err());
    assert!(amounts(&[], Cents::ZERO).is_err());
    assert!(amounts(&[(Cents::ZERO, 1)], price).is_err());
    assert!(amounts(&vec![(Cents::ZERO, 1); ITEMS_MAX + 1], Cents::ZERO).is_err());
}

proptest! {
    #[test]
    fn total_is_the_sum(lines in proptest::collection::vec((0i64..100_000, 1u32..100), 1..100)) {
        let typed: Vec<_> = lines.iter().map(|(p, q)| (Cents::new(*p).unwrap(), *q)).collect();
        let sum: i64 = lines.iter().map(|(p, q)| p * i64::from(*q)).sum();
        prop_assert_eq!(amounts(&typed, Cents::ZERO).unwrap().actual.get(), sum);
    }
}
