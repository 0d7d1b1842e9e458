//! Tests of `seckill`.

use super::*;
use proptest::prelude::*;

fn plan() -> SeckillPlan {
    SeckillPlan {
        product: ProductId(1),
        sku: SkuId(0),
        name: "Cup".to_owned(),
        price: Cents::new(990).unwrap(),
        stock: 100,
        starts_at: 1_000,
        ends_at: 2_000,
        per_user_max: 1,
    }
}

fn refused(change: impl FnOnce(&mut SeckillPlan)) -> String {
    let mut plan = plan();
    change(&mut plan);
    match plan.checked(500) {
        Err(Rejection::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_plan_that_cannot_be_names_its_field() {
    assert_eq!(plan().checked(1_999), Ok(plan()));
    assert_eq!(refused(|plan| plan.stock = 0), "stock");
    let largest = SkuId(SECKILL_SKU_MAX);
    let of_largest = SeckillPlan {
        sku: largest,
        ..plan()
    };
    assert_eq!(of_largest.checked(1_999).map(|plan| plan.sku), Ok(largest));
    assert_eq!(refused(|plan| plan.per_user_max = 101), "per_user_limit");
    assert_eq!(refused(|plan| plan.per_user_max = 0), "per_user_limit");
    assert_eq!(refused(|plan| plan.ends_at = 1_000), "ends_at");
    assert_eq!(refused(|plan| plan.ends_at = 400), "ends_at");
    assert_eq!(refused(|plan| plan.ends_at = u64::MAX), "ends_at");
    let ahead = 500 + SECKILL_AHEAD_MS_MAX;
    assert_eq!(refused(|plan| plan.ends_at = ahead + 1), "ends_at");
    let longest = SeckillPlan {
        starts_at: 0,
        ends_at: ahead,
        ..plan()
    };
    assert_eq!(longest.clone().checked(500), Ok(longest));
    assert_eq!(
        refused(|plan| plan.sku = SkuId(SECKILL_SKU_MAX + 1)),
        "sku_id"
    );
    let dear = Cents::new(crate::limits::AMOUNT_CENTS_MAX).unwrap();
    assert_eq!(
        refused(|plan| (plan.price, plan.per_user_max) = (dear, 2)),
        "price"
    );
}

#[test]
fn ids_have_one_spelling() {
    for bad in [
        "",
        "1",
        "1-",
        "-1",
        "0-1",
        "1-0",
        "01-1",
        "+1-1",
        "1-1-1",
        "seckill_001",
        "1-1073741824",
    ] {
        assert_eq!(SeckillId::parse(bad), None, "{bad}");
    }
}

#[test]
fn statuses_read_back() {
    for status in SeckillStatus::ALL {
        assert_eq!(SeckillStatus::from_code(status.code()), Some(status));
        assert_eq!(
            SeckillStatus::from_name_or_code(status.name()),
            Some(status)
        );
    }
    assert_eq!(SeckillStatus::from_name_or_code("3"), None);
}

proptest! {
    #[test]
    fn the_units_of_a_sale_name_it(product in 1u64.., sku in 0..=SECKILL_SKU_MAX, number in 1..=SECKILL_NUMBER_MAX) {
        let (product, sku) = (ProductId(product), SkuId(sku));
        prop_assert_eq!(SeckillId::of(product, sku), None);
        let of_sale = sku.of_sale(number);
        let id = SeckillId::of(product, of_sale).unwrap();
        prop_assert_eq!(id, SeckillId { product, number });
        prop_assert_eq!(of_sale.base(), sku);
        prop_assert_eq!(SeckillId::parse(&id.to_string()), Some(id));
    }
}
