//! How an order is shown. The `/v1` shape is canonical: stored in the cache and under idempotency keys, and inserted
//! into replies unchanged; the `/api/v1` shape is derived from it.

use crate::api::amount::Amount;
use crate::api::problem::Code;
use domain::{Order, OrderId, OrderItem};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// An order on `/v1`. Ids are strings, amounts have two decimals, times are milliseconds UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderView {
    /// Snowflake in decimal.
    pub id: String,
    /// The same as `id`.
    pub order_id: String,
    /// Order number: date of creation (UTC), then 13 characters.
    pub order_no: String,
    /// As the caller spelled it.
    pub user_id: String,
    /// Sum of the subtotals.
    pub total_amount: Amount,
    /// Deducted from `total_amount`.
    pub discount_amount: Amount,
    /// To be paid: `total_amount` less `discount_amount`.
    pub actual_amount: Amount,
    /// `pending`, `paid`, `shipped`, `completed`, `cancelled`, `failed`, or `queued` while it is accepted and not
    /// written yet.
    #[cfg_attr(feature = "openapi", schema(example = "pending"))]
    pub status: String,
    /// As the caller sent it; null where they did not.
    pub payment_method: Option<String>,
    /// Plain or JSON text; null where the caller sent none.
    pub shipping_address: Option<String>,
    /// The buyer's; null where there is none.
    pub remark: Option<String>,
    /// Why it was cancelled or failed; null where no reason is known.
    pub cancel_reason: Option<String>,
    /// In the order of the request; empty only where a failed order could not be read.
    pub items: Vec<ItemView>,
    /// Milliseconds UTC.
    pub created_at: u64,
    /// Milliseconds UTC; null until paid.
    pub paid_at: Option<u64>,
    /// Milliseconds UTC; null until shipped.
    pub shipped_at: Option<u64>,
    /// Milliseconds UTC; null until completed.
    pub completed_at: Option<u64>,
    /// Milliseconds UTC; null unless cancelled.
    pub cancelled_at: Option<u64>,
    /// Time of the last change, milliseconds UTC.
    pub updated_at: u64,
}

/// A line of an order on `/v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ItemView {
    /// Decimal text.
    pub product_id: String,
    /// Variant in decimal; `0` where the product has none.
    pub sku_id: String,
    /// The flash sale it was bought in: of this platform, or of another system in its words; absent for ordinary
    /// units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seckill_id: Option<String>,
    /// As in the catalogue when it was ordered.
    pub product_name: String,
    /// As in the catalogue when it was ordered; null where it had none.
    pub product_image: Option<String>,
    /// Of one unit.
    pub price: Amount,
    /// Units.
    pub quantity: u32,
    /// Price times quantity.
    pub subtotal: Amount,
}

impl From<&Order> for OrderView {
    fn from(order: &Order) -> OrderView {
        OrderView {
            id: order.id.to_string(),
            order_id: order.id.to_string(),
            order_no: order.id.order_no(),
            user_id: order.user.shown(),
            total_amount: Amount(order.total),
            discount_amount: Amount(order.discount),
            actual_amount: Amount(order.actual),
            status: order.status.name().to_owned(),
            payment_method: order.payment_method.clone(),
            shipping_address: order.shipping_address.clone(),
            remark: order.remark.clone(),
            cancel_reason: order.cancel_reason.clone(),
            items: order.items.iter().map(ItemView::from).collect(),
            created_at: order.created_at,
            paid_at: order.paid_at,
            shipped_at: order.shipped_at,
            completed_at: order.completed_at,
            cancelled_at: order.cancelled_at,
            updated_at: order.updated_at,
        }
    }
}

impl From<&OrderItem> for ItemView {
    fn from(item: &OrderItem) -> ItemView {
        ItemView {
            product_id: item.product.0.to_string(),
            sku_id: item.sku.base().0.to_string(),
            seckill_id: item.seckill_id(),
            product_name: item.name.clone(),
            product_image: item.image.clone(),
            price: Amount(item.price),
            quantity: item.quantity,
            subtotal: Amount(item.subtotal),
        }
    }
}

impl OrderView {
    /// The canonical JSON.
    ///
    /// # Errors
    /// Where it cannot be serialized.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

/// Wraps the canonical JSON of an order as `{"code":10000,"order":{…}}` without parsing it.
pub struct OrderEnvelope;

impl OrderEnvelope {
    /// The reply around `order_json`.
    pub fn around(order_json: &str) -> String {
        format!(
            r#"{{"code":{},"order":{order_json}}}"#,
            Code::Success.number()
        )
    }
}

/// Reply of one order on `/v1`, as [`OrderEnvelope`] writes it.
#[cfg(feature = "openapi")]
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "replies splice the cached order in as text")]
pub struct OrderReply {
    /// Always 10000.
    code: u32,
    /// The whole order.
    order: OrderView,
}

/// A page of orders on `/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Orders {
    /// Always 10000.
    pub code: u32,
    /// Newest first; empty past the end.
    // JSON already, in every list: no page is held in two forms.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<OrderView>))]
    pub orders: Vec<Box<RawValue>>,
    /// Orders that match, on all pages.
    pub total: u64,
    /// False where counting stopped: `total` is then a lower bound.
    pub total_exact: bool,
    /// Counted from 1.
    pub page: u32,
    /// Orders per page, as asked for.
    pub page_size: u32,
}

/// An order on `/api/v1`: as on `/v1`, but `order_id` is a UUID, items have `unit_price` and `total_price`, and the
/// first item is repeated at the top level for clients that expect one product per order.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiOrder {
    /// 10000 where the order is the whole reply; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    /// Snowflake in decimal.
    pub id: String,
    /// UUID version 8.
    pub order_id: String,
    /// Order number: date of creation (UTC), then 13 characters.
    pub order_no: String,
    /// As the caller spelled it.
    pub user_id: String,
    /// Of the first item; null only where a failed order could not be read.
    pub product_id: Option<String>,
    /// Of the first item.
    pub quantity: Option<u32>,
    /// Of the first item.
    pub unit_price: Option<Amount>,
    /// Sum of the subtotals.
    pub total_amount: Amount,
    /// Deducted from `total_amount`.
    pub discount_amount: Amount,
    /// To be paid: `total_amount` less `discount_amount`.
    pub actual_amount: Amount,
    /// `pending`, `paid`, `shipped`, `completed`, `cancelled`, `failed`, or `queued` while it is accepted and not
    /// written yet.
    pub status: String,
    /// As the caller sent it; null where they did not.
    pub payment_method: Option<String>,
    /// Plain or JSON text; null where the caller sent none.
    pub shipping_address: Option<String>,
    /// The buyer's; null where there is none.
    pub remark: Option<String>,
    /// Why it was cancelled or failed; null where no reason is known.
    pub cancel_reason: Option<String>,
    /// In the order of the request.
    pub items: Vec<ApiItem>,
    /// Milliseconds UTC.
    pub created_at: u64,
    /// Milliseconds UTC; null until paid.
    pub paid_at: Option<u64>,
    /// Milliseconds UTC; null until shipped.
    pub shipped_at: Option<u64>,
    /// Milliseconds UTC; null until completed.
    pub completed_at: Option<u64>,
    /// Milliseconds UTC; null unless cancelled.
    pub cancelled_at: Option<u64>,
    /// Time of the last change, milliseconds UTC.
    pub updated_at: u64,
}

/// A line of an order on `/api/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiItem {
    /// Decimal text.
    pub product_id: String,
    /// Variant in decimal; `0` where the product has none.
    pub sku_id: String,
    /// The flash sale it was bought in: of this platform, or of another system in its words; absent for ordinary
    /// units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seckill_id: Option<String>,
    /// As in the catalogue when it was ordered.
    pub product_name: String,
    /// As in the catalogue when it was ordered; null where it had none.
    pub product_image: Option<String>,
    /// Of one unit.
    pub unit_price: Amount,
    /// Units.
    pub quantity: u32,
    /// Price times quantity.
    pub total_price: Amount,
}

/// A page of orders on `/api/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiOrders {
    /// Always 10000.
    pub code: u32,
    /// Newest first; empty past the end.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<ApiOrder>))]
    pub orders: Vec<Box<RawValue>>,
    /// Orders that match, on all pages.
    pub total: u64,
    /// False where counting stopped: `total` is then a lower bound.
    pub total_exact: bool,
    /// Counted from 1.
    pub page: u32,
    /// Orders per page, as asked for.
    pub page_size: u32,
}

impl ApiOrder {
    /// An order that is the whole reply, with its code.
    pub fn coded(view: OrderView) -> ApiOrder {
        ApiOrder {
            code: Some(Code::Success.number()),
            ..ApiOrder::from(view)
        }
    }
}

impl From<OrderView> for ApiOrder {
    fn from(view: OrderView) -> ApiOrder {
        let uuid = OrderId::parse(&view.id).map(OrderId::uuid);
        let first = view.items.first();
        ApiOrder {
            code: None,
            order_id: uuid.unwrap_or_else(|| view.order_id.clone()),
            product_id: first.map(|item| item.product_id.clone()),
            quantity: first.map(|item| item.quantity),
            unit_price: first.map(|item| item.price),
            id: view.id,
            order_no: view.order_no,
            user_id: view.user_id,
            total_amount: view.total_amount,
            discount_amount: view.discount_amount,
            actual_amount: view.actual_amount,
            status: view.status,
            payment_method: view.payment_method,
            shipping_address: view.shipping_address,
            remark: view.remark,
            cancel_reason: view.cancel_reason,
            items: view.items.into_iter().map(ApiItem::from).collect(),
            created_at: view.created_at,
            paid_at: view.paid_at,
            shipped_at: view.shipped_at,
            completed_at: view.completed_at,
            cancelled_at: view.cancelled_at,
            updated_at: view.updated_at,
        }
    }
}

impl From<ItemView> for ApiItem {
    fn from(item: ItemView) -> ApiItem {
        ApiItem {
            product_id: item.product_id,
            sku_id: item.sku_id,
            seckill_id: item.seckill_id,
            product_name: item.product_name,
            product_image: item.product_image,
            unit_price: item.price,
            quantity: item.quantity,
            total_price: item.subtotal,
        }
    }
}

/// Reply of a create on `/v1`: the main fields at the top level, and the whole order.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Created<'a> {
    /// Always 10000.
    pub code: u32,
    /// Snowflake in decimal.
    pub order_id: &'a str,
    /// Order number: date of creation (UTC), then 13 characters.
    pub order_no: &'a str,
    /// To be paid.
    pub actual_amount: Amount,
    /// `pending`, or `queued` while it is accepted and not written yet; the answer to a repeat may show a later one.
    pub status: &'a str,
    /// Milliseconds UTC.
    pub created_at: u64,
    /// The whole order.
    pub order: &'a OrderView,
}

impl<'a> From<&'a OrderView> for Created<'a> {
    fn from(order: &'a OrderView) -> Created<'a> {
        Created {
            code: Code::Success.number(),
            order_id: &order.order_id,
            order_no: &order.order_no,
            actual_amount: order.actual_amount,
            status: &order.status,
            created_at: order.created_at,
            order,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::order::sample;

    #[test]
    fn the_canonical_shape() {
        let json = OrderView::from(&sample::order()).json().unwrap();
        assert_eq!(
            json,
            concat!(
                r#"{"id":"7202123782","order_id":"7202123782","order_no":"202401010000003b3yi9y","#,
                r#""user_id":"user_123","total_amount":199.98,"discount_amount":0.00,"actual_amount":199.98,"#,
                r#""status":"pending","payment_method":"alipay","shipping_address":null,"remark":null,"#,
                r#""cancel_reason":null,"items":[{"product_id":"1","sku_id":"0","product_name":"键盘","#,
                r#""product_image":null,"price":99.99,"quantity":2,"subtotal":199.98}],"#,
                r#""created_at":1704067201717,"paid_at":null,"shipped_at":null,"completed_at":null,"#,
                r#""cancelled_at":null,"updated_at":1704067201717}"#
            )
        );
        let back: OrderView = serde_json::from_str(&json).unwrap();
        assert_eq!(back, OrderView::from(&sample::order()));
        assert_eq!(OrderEnvelope::around("{}"), r#"{"code":10000,"order":{}}"#);
    }

    #[test]
    fn the_api_shape_shows_the_uuid_and_the_first_item() {
        let order = sample::order();
        let shown = serde_json::to_value(ApiOrder::coded(OrderView::from(&order))).unwrap();
        assert_eq!(shown["code"], 10000);
        assert_eq!(shown["order_id"], order.id.uuid());
        assert_eq!(shown["id"], order.id.to_string());
        assert_eq!(shown["product_id"], "1");
        assert_eq!(shown["items"][0]["unit_price"].to_string(), "99.99");
        assert_eq!(shown["items"][0]["total_price"].to_string(), "199.98");
        let listed = serde_json::to_value(ApiOrder::from(OrderView::from(&order))).unwrap();
        assert!(listed.get("code").is_none());
    }
}
