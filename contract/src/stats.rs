//! HTTP bodies of statistics. Revenue counts what was paid and not taken back, not what was asked.

use crate::amount::Amount;
use domain::Ms;
use serde::Serialize;
use std::collections::BTreeMap;

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
    pub amount: Amount,
    /// By name of the state; every state is there.
    pub status: BTreeMap<&'static str, u64>,
    /// Orders among `total + failures`, 0 to 1 in four decimals; 1 where nothing was tried.
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
    pub today_sales: Amount,
    /// The newest 100 of all.
    #[serde(rename = "recentOrders")]
    pub recent_orders: Vec<RecentOrder>,
    /// The ten products most units of which were ordered today, in orders that were not cancelled.
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
    pub amount: Amount,
    pub status: BTreeMap<&'static str, u64>,
    /// Of the newest order.
    pub last_order_at: Option<Ms>,
}
