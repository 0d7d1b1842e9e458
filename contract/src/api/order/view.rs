//! How an order is shown. The `/v1` shape is canonical: stored in the cache and under idempotency keys,
//! spliced into replies as it is; the `/api/v1` shape is derived from it.

use crate::api::amount::Amount;
use crate::api::problem::Code;
use domain::{Order, OrderId, OrderItem, SeckillId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// An order on `/v1`. Ids are strings, amounts have two decimals, times are milliseconds UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderView {
    pub id: String,
    pub order_id: String,
    pub order_no: String,
    /// As the caller spelled it.
    pub user_id: String,
    pub total_amount: Amount,
    pub discount_amount: Amount,
    pub actual_amount: Amount,
    #[cfg_attr(feature = "openapi", schema(example = "pending"))]
    pub status: String,
    pub payment_method: Option<String>,
    /// Plain or JSON text.
    pub shipping_address: Option<String>,
    pub remark: Option<String>,
    pub cancel_reason: Option<String>,
    pub items: Vec<ItemView>,
    pub created_at: u64,
    pub paid_at: Option<u64>,
    pub shipped_at: Option<u64>,
    pub completed_at: Option<u64>,
    pub cancelled_at: Option<u64>,
    pub updated_at: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ItemView {
    pub product_id: String,
    pub sku_id: String,
    /// The flash sale it was bought in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seckill_id: Option<String>,
    pub product_name: String,
    pub product_image: Option<String>,
    pub price: Amount,
    pub quantity: u32,
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
            seckill_id: SeckillId::of(item.product, item.sku).map(|id| id.to_string()),
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
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

/// `{"code":10000,"order":{…}}` around the canonical JSON, unread.
pub struct OrderEnvelope;

impl OrderEnvelope {
    pub fn around(order_json: &str) -> String {
        format!(
            r#"{{"code":{},"order":{order_json}}}"#,
            Code::Success.number()
        )
    }
}

/// A list on `/v1`. Lists take their elements as JSON, so that none has to hold all of them in another form.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Orders {
    pub code: u32,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<OrderView>))]
    pub orders: Vec<Box<RawValue>>,
    pub total: u64,
    /// False where counting stopped: `total` is then a lower bound.
    pub total_exact: bool,
    pub page: u32,
    pub page_size: u32,
}

/// An order on `/api/v1`: the same, where `order_id` is the UUID, items have `unit_price` and
/// `total_price`, and the first item is repeated at the top for clients that know one product per order.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiOrder {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    pub id: String,
    /// UUID version 8.
    pub order_id: String,
    pub order_no: String,
    pub user_id: String,
    pub product_id: Option<String>,
    pub quantity: Option<u32>,
    pub unit_price: Option<Amount>,
    pub total_amount: Amount,
    pub discount_amount: Amount,
    pub actual_amount: Amount,
    pub status: String,
    pub payment_method: Option<String>,
    pub shipping_address: Option<String>,
    pub remark: Option<String>,
    pub cancel_reason: Option<String>,
    pub items: Vec<ApiItem>,
    pub created_at: u64,
    pub paid_at: Option<u64>,
    pub shipped_at: Option<u64>,
    pub completed_at: Option<u64>,
    pub cancelled_at: Option<u64>,
    pub updated_at: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiItem {
    pub product_id: String,
    pub sku_id: String,
    /// The flash sale it was bought in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seckill_id: Option<String>,
    pub product_name: String,
    pub product_image: Option<String>,
    pub unit_price: Amount,
    pub quantity: u32,
    pub total_price: Amount,
}

/// A list on `/api/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiOrders {
    pub code: u32,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<ApiOrder>))]
    pub orders: Vec<Box<RawValue>>,
    pub total: u64,
    pub total_exact: bool,
    pub page: u32,
    pub page_size: u32,
}

impl ApiOrder {
    /// The order alone at the top of a reply, with its code.
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

/// Reply of a create on `/v1`: what DOOS' client reads at the top, and the whole order.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Created<'a> {
    pub code: u32,
    pub order_id: &'a str,
    pub order_no: &'a str,
    pub actual_amount: Amount,
    pub status: &'a str,
    pub created_at: u64,
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
