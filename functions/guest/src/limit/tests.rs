//! Tests of `limit`.

use super::*;
use contract::api::identity;

const USER: Standing = Standing {
    limit: Limit::of_user(10),
    more: 4,
    ms: 41_001,
};
const ADDRESS: Standing = Standing {
    limit: Limit::of_address(100),
    more: 0,
    ms: 10,
};

fn taken(standing: Standing) -> Option<Counted> {
    let is_taken = true;
    Some(Counted { is_taken, standing })
}

fn over(standing: Standing) -> Option<Counted> {
    let is_taken = false;
    Some(Counted { is_taken, standing })
}

#[test]
fn shoppers_are_limited_where_they_place_orders() {
    let known = |role| Caller::Known {
        user: identity::user("7").unwrap(),
        role,
    };
    let shopper = known(Role::User);
    assert_eq!(user(Limited::ByUser, &shopper), Some(UserId::new(7)));
    assert_eq!(user(Limited::ByAddress, &shopper), None);
    for other in [
        known(Role::Admin),
        known(Role::Ops),
        Caller::Machine {
            name: "erp".to_owned(),
            role: Role::Admin,
        },
        Caller::Trusted { role: Role::User },
        Caller::Anyone,
    ] {
        assert_eq!(user(Limited::ByUser, &other), None, "{other:?}");
    }
}

#[test]
fn the_user_is_refused_before_the_address() {
    let refused = |by_user, by_address| {
        let refused = judge(by_user, by_address).unwrap_err();
        let Fault::Rejected(Rejection::RateLimited { retry_after_ms }) = refused.fault else {
            panic!("{refused:?}");
        };
        (refused.standing, retry_after_ms)
    };
    assert_eq!(refused(over(USER), over(ADDRESS)), (Some(USER), USER.ms));
    assert_eq!(refused(over(USER), taken(ADDRESS)), (Some(USER), USER.ms));
    assert_eq!(refused(over(USER), None), (Some(USER), USER.ms));
    let by_address = (Some(ADDRESS), ADDRESS.ms);
    assert_eq!(refused(taken(USER), over(ADDRESS)), by_address);
    assert_eq!(refused(None, over(ADDRESS)), by_address);
    for (by_user, by_address, shown) in [
        (taken(USER), taken(ADDRESS), Some(USER)),
        (taken(USER), None, Some(USER)),
        (None, taken(ADDRESS), None),
        (None, None, None),
    ] {
        assert_eq!(judge(by_user, by_address).unwrap(), shown);
    }
}

#[test]
fn times_are_rounded_up_to_seconds() {
    let values = |standing: Standing| standing.headers().map(|(_, value)| value);
    assert_eq!(values(USER), ["\"user\";q=10;w=60", "\"user\";r=4;t=42"]);
    assert_eq!(
        values(ADDRESS),
        ["\"address\";q=100;w=1", "\"address\";r=0;t=1"]
    );
}
