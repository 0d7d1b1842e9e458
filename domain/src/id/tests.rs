//! Tests of `id`.

use super::*;
use proptest::prelude::*;

#[test]
fn layout_is_fixed() {
    let id = OrderId::compose((1 << SEQUENCE_BITS) | 5, UserId::new(1025).gene()).unwrap();
    assert_eq!(id.get(), (1 << 22) | (1 << 12) | 5);
    assert_eq!(id.minted_at(), EPOCH_MS + 1);
    assert_eq!(id.order_no(), "20240101000000002hzid");
    assert_eq!(UserId::new(1025).get(), 1025);
    assert_eq!(HASHED_USER_BIT, 0x4000_0000_0000_0000);
    let gene = Gene(1023);
    assert_eq!(OrderId::compose(0, gene), None);
    assert_eq!(OrderId::compose(1 << 53, gene), None);
    let last = OrderId::compose(TICK_MAX, gene);
    assert_eq!(last, OrderId::new((1 << 63) - 1));
}

/// Other programs store them.
#[test]
fn uuids_are_fixed() {
    for (order, version, text) in [
        (
            382_556_363_634_511_872,
            0,
            "0a9e39f8-c200-8200-8000-005d6e249772",
        ),
        (
            382_556_363_634_511_872,
            1,
            "0a9e39f8-c200-8200-8000-00e9ff2207e9",
        ),
        (
            382_556_363_634_511_872,
            0xf_ffff,
            "0a9e39f8-c200-8200-87ff-ffd0b5019ab6",
        ),
        ((1 << 63) - 1, 0, "ffffffff-ffff-8fff-b800-001ce51e41a8"),
        (
            (1 << 63) - 1,
            0xf_ffff,
            "ffffffff-ffff-8fff-bfff-ffcee70147a2",
        ),
    ] {
        let order = OrderId::new(order).unwrap();
        assert_eq!(EventId { order, version }.to_string(), text);
    }
    for odd in [
        "0a9e39f8-c200-8200-8000-005d6e249é72",
        "0a9e39f8-c200-8200-8000-005d6e24977",
        "0a9e39f8-c200-8200-8000-005d6e2497720",
    ] {
        assert_eq!(EventId::parse(odd), None, "{odd}");
    }
}

#[test]
fn a_sale_has_a_sku_of_its_own() {
    let of_sale = SkuId(7).of_sale(3);
    assert_eq!(of_sale, SkuId(0x4000_0003_0000_0007));
    assert_eq!((of_sale.sale(), of_sale.base()), (Some(3), SkuId(7)));
    // From a sale's own sku it is the same as from the ordinary one.
    assert_eq!(of_sale.of_sale(4), SkuId(7).of_sale(4));
    for plain in [SkuId(7), SkuId(1 << 40)] {
        assert_eq!((plain.sale(), plain.base()), (None, plain));
    }
}

#[test]
fn what_is_no_id() {
    for bad in [
        "",
        "0",
        "-1",
        "9223372036854775808",
        "12a",
        "+12",
        "20240101 ",
        "00000000-0000-8000-8000-000000000000",
        "20250101zzzzzzzzzzzzz",
        "é0240101000000000000",
    ] {
        assert_eq!(OrderId::parse(bad), None, "{bad}");
    }
}

proptest! {
    #[test]
    fn every_spelling_comes_back(tick in 1..=TICK_MAX, user in any::<u64>(), version in 1u32..1 << 20) {
        let id = OrderId::compose(tick, UserId::new(user).gene()).unwrap();
        prop_assert_eq!(id.tick(), tick);
        prop_assert_eq!(id.gene(), UserId::new(user).gene());
        prop_assert_eq!(OrderId::parse(&id.to_string()), Some(id));
        prop_assert_eq!(OrderId::parse(&id.order_no()), Some(id));
        prop_assert_eq!(OrderId::parse(&id.uuid()), Some(id));
        prop_assert_eq!(&id.uuid()[14..15], "8");
        let event = EventId { order: id, version };
        prop_assert_eq!(EventId::parse(&event.to_string()), Some(event));
        prop_assert_eq!(OrderId::parse(&event.to_string()), None, "a message is not an order");
    }

    #[test]
    fn later_ticks_are_larger_ids(tick in 1..TICK_MAX, user in any::<u64>()) {
        let gene = UserId::new(user).gene();
        prop_assert!(OrderId::compose(tick, gene) < OrderId::compose(tick + 1, gene));
    }

    #[test]
    fn a_changed_uuid_is_refused(tick in 1..=TICK_MAX, at in 24usize..36) {
        let mut text = OrderId::compose(tick, Gene(7)).unwrap().uuid().into_bytes();
        text[at] = if text[at] == b'0' { b'1' } else { b'0' };
        prop_assert_eq!(OrderId::parse(std::str::from_utf8(&text).unwrap()), None);
    }
}
