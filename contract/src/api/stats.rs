//! HTTP bodies of statistics. Revenue counts orders that were paid and not cancelled afterwards.

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
    /// Always 10000.
    pub code: u32,
    /// The day, such as `2024-01-01`.
    pub date: String,
    /// Orders placed.
    pub total: u64,
    /// Revenue: what paid, shipped and completed orders come to.
    #[cfg_attr(feature = "openapi", schema(value_type = f64, example = 199.98))]
    pub amount: Sum,
    /// Orders by status; every status is there.
    pub status: BTreeMap<&'static str, u64>,
    /// `total` divided by `total + failures`: 0 to 1 in four decimals, rounded down; 1 where both are 0.
    pub success_rate: f64,
    /// Messages of the day that have not become orders.
    pub failures: u64,
}

/// Figures for a dashboard, of today (UTC) unless stated otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dashboard {
    /// Always 10000.
    pub code: u32,
    /// Revenue: what today's paid, shipped and completed orders come to.
    #[serde(rename = "todaySales")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64, example = 199.98))]
    pub today_sales: Sum,
    /// The newest 100 of all days, newest first.
    #[serde(rename = "recentOrders")]
    pub recent_orders: Vec<RecentOrder>,
    /// The ten products with the most units ordered today, without cancelled and failed orders.
    #[serde(rename = "hotProducts")]
    pub hot_products: Vec<HotProduct>,
    /// Today's orders by status; every status is there.
    #[serde(rename = "statusDistribution")]
    pub status_distribution: Vec<StatusCount>,
}

/// An order on a dashboard.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecentOrder {
    /// Snowflake in decimal.
    pub id: String,
    /// Order number: date of creation (UTC), then 13 characters.
    pub order_no: String,
    /// To be paid, or paid.
    pub amount: Amount,
    /// Milliseconds UTC.
    pub created_at: u64,
}

/// A product on a dashboard.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HotProduct {
    /// Decimal text.
    pub product_id: String,
    /// As in the catalogue at present; empty where the product is not there.
    pub product_name: String,
    /// Units ordered today.
    pub quantity: u64,
}

/// Number of orders in one status.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StatusCount {
    /// `pending`, `paid`, `shipped`, `completed`, `cancelled` or `failed`.
    pub status: &'static str,
    /// Orders in this status.
    pub value: u64,
}

/// All orders of one user.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserStats {
    /// Always 10000.
    pub code: u32,
    /// As spelled in the path.
    pub user_id: String,
    /// Orders placed.
    pub total: u64,
    /// Revenue: what paid, shipped and completed orders come to.
    #[cfg_attr(feature = "openapi", schema(value_type = f64, example = 199.98))]
    pub amount: Sum,
    /// Orders by status; every status is there.
    pub status: BTreeMap<&'static str, u64>,
    /// Creation of the newest order, milliseconds UTC; null without orders.
    pub last_order_at: Option<u64>,
}

fn by_status(counts: &Counts) -> BTreeMap<&'static str, u64> {
    let each = counts.each();
    each.map(|(status, tally)| (status.name(), tally.orders))
        .collect()
}

impl DayStats {
    /// `day`: any moment of it. `failures`: its messages that have not become orders.
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
    /// `names` of products in the catalogue; a missing one is shown as empty.
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
    /// `counts` of all the user's orders.
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
mod tests;
