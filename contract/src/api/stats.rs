//! HTTP bodies of statistics. Revenue counts what was paid and not taken back, not what was asked.

use crate::api::amount::{Amount, Sum};
use crate::api::problem::Code;
use domain::stats::{Counts, Recent, Sold, success_rate};
use domain::{Ms, ProductId, User, calendar};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Orders of one day, by their time of creation, UTC.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DayStats {
    pub code: u32,
    /// `2024-01-01`
    pub date: String,
    /// Orders placed.
    pub total: u64,
    /// Paid, shipped and completed orders' amounts.
    #[cfg_attr(feature = "openapi", schema(value_type = f64, example = 199.98))]
    pub amount: Sum,
    /// By name of the state; every state is there.
    pub status: BTreeMap<&'static str, u64>,
    /// Orders among `total + failures`, 0 to 1 in four decimals, rounded down; 1 where nothing was tried.
    pub success_rate: f64,
    /// Messages of the day that did not become orders.
    pub failures: u64,
}

/// What a dashboard shows, of today (UTC) unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dashboard {
    pub code: u32,
    #[serde(rename = "todaySales")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64, example = 199.98))]
    pub today_sales: Sum,
    /// The newest 100 of all.
    #[serde(rename = "recentOrders")]
    pub recent_orders: Vec<RecentOrder>,
    /// The ten products most units of which were ordered today, in orders that neither were cancelled nor failed.
    #[serde(rename = "hotProducts")]
    pub hot_products: Vec<HotProduct>,
    /// Today's orders by state; every state is there.
    #[serde(rename = "statusDistribution")]
    pub status_distribution: Vec<StatusCount>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecentOrder {
    pub id: String,
    pub order_no: String,
    pub amount: Amount,
    pub created_at: Ms,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HotProduct {
    pub product_id: String,
    /// As the catalogue has it now; empty where it has none.
    pub product_name: String,
    pub quantity: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StatusCount {
    pub status: &'static str,
    pub value: u64,
}

/// All orders of one user.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserStats {
    pub code: u32,
    pub user_id: String,
    pub total: u64,
    /// Paid, shipped and completed orders' amounts.
    #[cfg_attr(feature = "openapi", schema(value_type = f64, example = 199.98))]
    pub amount: Sum,
    pub status: BTreeMap<&'static str, u64>,
    /// Of the newest order.
    pub last_order_at: Option<Ms>,
}

fn by_status(counts: &Counts) -> BTreeMap<&'static str, u64> {
    let each = counts.each();
    each.map(|(status, tally)| (status.name(), tally.orders))
        .collect()
}

impl DayStats {
    /// `day`: any moment of it.
    pub fn of(day: Ms, counts: &Counts, failures: u64) -> DayStats {
        let total = counts.orders();
        DayStats {
            code: Code::Success.number(),
            date: calendar::date(day),
            total,
            amount: Sum(counts.revenue()),
            status: by_status(counts),
            success_rate: f64::from(success_rate(total, failures)) / 10_000.0,
            failures,
        }
    }
}

impl Dashboard {
    /// `names` of products in the catalogue.
    pub fn of(
        today: &Counts,
        recent: &[Recent],
        hot: &[Sold],
        names: &HashMap<ProductId, String>,
    ) -> Dashboard {
        Dashboard {
            code: Code::Success.number(),
            today_sales: Sum(today.revenue()),
            recent_orders: recent.iter().map(RecentOrder::from).collect(),
            hot_products: hot
                .iter()
                .map(|sold| HotProduct {
                    product_id: sold.product.0.to_string(),
                    product_name: names.get(&sold.product).cloned().unwrap_or_default(),
                    quantity: sold.units,
                })
                .collect(),
            status_distribution: today
                .each()
                .map(|(status, tally)| StatusCount {
                    status: status.name(),
                    value: tally.orders,
                })
                .collect(),
        }
    }
}

impl From<&Recent> for RecentOrder {
    fn from(order: &Recent) -> RecentOrder {
        RecentOrder {
            id: order.id.to_string(),
            order_no: order.id.order_no(),
            amount: Amount(order.actual),
            created_at: order.created_at,
        }
    }
}

impl UserStats {
    pub fn of(user: &User, counts: &Counts) -> UserStats {
        UserStats {
            code: Code::Success.number(),
            user_id: user.shown(),
            total: counts.orders(),
            amount: Sum(counts.revenue()),
            status: by_status(counts),
            last_order_at: counts.newest_at(),
        }
    }
}

#[cfg(test)]
mod tests {
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
}
