//! Tests of `stats`.

use super::*;
use domain::stats::Tally;
use domain::{Cents, OrderId, Status};
use serde_json::json;

fn counts() -> Counts {
    let mut counts = Counts::default();
    for (status, orders, cents) in [(Status::Pending, 2, 500), (Status::Paid, 1, 19_998)] {
        let newest_at = Some(1_704_067_200_005);
        counts.add(
            status,
            Tally {
                orders,
                cents,
                newest_at,
            },
        );
    }
    counts
}

#[test]
fn a_day_shows_every_state() {
    let day = DayStats::of(1_704_067_200_005, &counts(), 1);
    let expected = r#"{"code":10000,"date":"2024-01-01","total":3,"amount":199.98,"status":{"cancelled":0,"completed":0,"failed":0,"paid":1,"pending":2,"shipped":0},"success_rate":0.75,"failures":1}"#;
    assert_eq!(serde_json::to_string(&day).unwrap(), expected);
}

#[test]
fn a_user_without_orders_is_all_zeros() {
    let user = crate::api::identity::user("user_7").unwrap();
    let stats = serde_json::to_value(UserStats::of(&user, &Counts::default())).unwrap();
    assert_eq!(
        (&stats["user_id"], &stats["total"], &stats["last_order_at"]),
        (&json!("user_7"), &json!(0), &json!(null))
    );
    let stats = UserStats::of(&user, &counts());
    assert_eq!(stats.last_order_at, Some(1_704_067_200_005));
}

#[test]
fn a_dashboard_speaks_as_the_seed_did() {
    let recent = Recent {
        id: OrderId::new((1 << 22) | 5).unwrap(),
        actual: Cents::new(50).unwrap(),
        created_at: 9,
    };
    let sold = |product, units| Sold {
        product: ProductId(product),
        units,
    };
    let names = HashMap::from([(ProductId(1), "Cup".to_owned())]);
    let hot = [sold(1, 4), sold(2, 3)];
    let shown = Dashboard::of(&counts(), &[recent], &hot, &names);
    let shown = serde_json::to_value(&shown).unwrap();
    assert_eq!(shown["todaySales"].to_string(), "199.98");
    assert_eq!(
        shown["recentOrders"][0]["order_no"],
        recent.id.order_no().as_str()
    );
    assert_eq!(
        shown["hotProducts"],
        json!([{ "product_id": "1", "product_name": "Cup", "quantity": 4 },
               { "product_id": "2", "product_name": "", "quantity": 3 }])
    );
    assert_eq!(
        shown["statusDistribution"][1],
        json!({ "status": "paid", "value": 1 })
    );
}
