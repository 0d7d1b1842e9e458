//! The replies of the `/orders` and `/products` routes, as the demo's clients read them:
//! `{code, message, data}`, where `code` is the HTTP status.

use super::view::{ItemView, OrderView};
use crate::api::amount::Amount;
use domain::calendar;
use serde::Serialize;
use serde_json::value::RawValue;

/// Reply of the routes under `/orders` and `/products`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Envelope<T> {
    /// The HTTP status.
    pub code: u32,
    /// For people: a fixed text on success, the reason of an error otherwise.
    pub message: String,
    /// Always there; an error has null.
    pub data: Option<T>,
}

impl<T> Envelope<T> {
    /// A reply with status 200.
    pub fn success(message: &str, data: T) -> Envelope<T> {
        Envelope {
            code: 200,
            message: message.to_owned(),
            data: Some(data),
        }
    }

    /// A reply with status 202: accepted, to be done later.
    pub fn accepted(message: &str, data: T) -> Envelope<T> {
        Envelope {
            code: 202,
            ..Envelope::success(message, data)
        }
    }
}

/// `message` of an order that was created.
pub const ORDER_CREATED: &str = "订单创建成功";
/// `message` of an order that was accepted and is written later.
pub const ORDER_ACCEPTED: &str = "订单已受理";
/// `message` of one order.
pub const ORDER_FOUND: &str = "查询订单成功";
/// `message` of a page of orders.
pub const ORDERS_FOUND: &str = "查询订单列表成功";
/// `message` of an order that was cancelled.
pub const ORDER_CANCELLED: &str = "订单已取消";
/// `message` of one product.
pub const PRODUCT_FOUND: &str = "查询商品成功";
/// `message` of a page of products.
pub const PRODUCTS_FOUND: &str = "查询商品列表成功";
/// `message` of the stock of one product.
pub const STOCK_FOUND: &str = "查询库存成功";
/// `message` of recommended products.
pub const RECOMMENDED: &str = "查询推荐商品成功";

/// An order in `data`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvelopeOrder {
    /// Snowflake in decimal.
    pub id: String,
    /// As the caller spelled it.
    pub user_id: String,
    /// JSON text of the items: `[{"product_id":1,"quantity":2,"price":99.99}]`.
    pub items: String,
    /// Before any discount.
    pub total_amount: Amount,
    /// `pending`, `paid`, `shipped`, `completed`, `cancelled`, `failed`, or `queued` while it is accepted and not
    /// written yet.
    pub status: String,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// Time of the last change, RFC 3339, UTC.
    pub updated_at: String,
}

/// A page of orders in `data`; past the end, `orders` is empty.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvelopeOrders {
    /// Newest first.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<EnvelopeOrder>))]
    pub orders: Vec<Box<RawValue>>,
    /// Orders that match, on all pages; may be a lower bound where there are more than 100,000.
    pub total: u64,
    /// Counted from 1.
    pub page: u32,
    /// Orders per page, as asked for.
    pub page_size: u32,
}

impl From<&OrderView> for EnvelopeOrder {
    fn from(view: &OrderView) -> EnvelopeOrder {
        EnvelopeOrder {
            id: view.id.clone(),
            user_id: view.user_id.clone(),
            items: items_text(&view.items),
            total_amount: view.total_amount,
            status: view.status.clone(),
            created_at: calendar::rfc3339(view.created_at),
            updated_at: calendar::rfc3339(view.updated_at),
        }
    }
}

/// Product ids are numbers in this text, as clients of the demo expect.
fn items_text(items: &[ItemView]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(2 + items.len() * 48);
    text.push('[');
    for (at, item) in items.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        let _ = write!(
            text,
            r#"{comma}{{"product_id":{},"quantity":{},"price":{}}}"#,
            item.product_id, item.quantity, item.price.0
        );
    }
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::order::sample;

    #[test]
    fn the_shape_of_an_order() {
        let order = EnvelopeOrder::from(&OrderView::from(&sample::order()));
        let json = serde_json::to_string(&Envelope::success(ORDER_FOUND, order)).unwrap();
        assert_eq!(
            json,
            concat!(
                r#"{"code":200,"message":"查询订单成功","data":{"id":"7202123782","user_id":"user_123","#,
                r#""items":"[{\"product_id\":1,\"quantity\":2,\"price\":99.99}]","total_amount":199.98,"#,
                r#""status":"pending","created_at":"2024-01-01T00:00:01.717Z","updated_at":"2024-01-01T00:00:01.717Z"}}"#
            )
        );
    }
}
