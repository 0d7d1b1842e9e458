//! Tests of `redis`.

use super::*;

#[test]
fn an_order_intake_says_its_tag() {
    let tags: Vec<u16> = order_intakes()
        .filter_map(|name| order_intake_tag(&name))
        .collect();
    assert_eq!(tags, (0..USER_TAGS).collect::<Vec<_>>());
    assert_eq!(order_intake_tag(&seckill_intake(ProductId(7))), None);
    assert_eq!(order_intake_tag("{u64}:intake"), None);
}

#[test]
fn keys_of_one_script_share_their_tag() {
    let user = UserId::new(1000);
    let order_id = OrderId::compose(4096, user.gene()).unwrap();
    for key in [
        admission(user, Some(&[7; 16]), &[8; 16]),
        admission(user, None, &[8; 16]),
        idempotency(user, "ab"),
        submit_guard(user, "ab"),
        id_counter(user.gene()),
        rate_limit(user),
        order(order_id),
        queued(order_id),
        order_intake(user.gene()),
    ] {
        assert!(key.starts_with("{u40}:"), "{key}");
    }
    assert!(order_intakes().any(|key| key == order_intake(user.gene())));
    let sale = SeckillId::parse("9-3").unwrap();
    for key in [
        seckill(sale),
        seckills(ProductId(9)),
        seckill_buyers(sale),
        seckill_token(sale, user),
        seckill_rate(sale),
        seckill_user_rate(sale, user),
        seckill_intake(ProductId(9)),
        product(ProductId(9)),
        stock(ProductId(9)),
        reserved(ProductId(9)),
    ] {
        assert!(key.starts_with("{p9}:"), "{key}");
    }
}

#[test]
fn every_script_says_what_it_is() {
    for script in SCRIPTS {
        assert!(
            script.text.starts_with("-- ") && script.text.contains("KEYS:"),
            "{}",
            script.name
        );
    }
}
