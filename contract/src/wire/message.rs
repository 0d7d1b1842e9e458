//! Kafka: which topics an outbox event goes to, and the value each topic carries. The key is always the order id, so
//! everything about one order stays in order within a topic.

use crate::api::amount::Amount;
use crate::wire::event::{EventType, OrderDocument, OrderEvent, StockAction};
use crate::wire::seckill_message::SeckillMessage;
use domain::{Cents, Ms, ProductId, SeckillId, SkuId, calendar};
use serde::{Deserialize, Serialize};

/// Topic of new orders.
pub const ORDER_CREATED: &str = "order.created";
/// Topic of every change of an order's status.
pub const ORDER_STATUS_CHANGED: &str = "order.status_changed";
/// Topic of all stock moves, distinguished by the header `event_type`, so that a rollback never overtakes its
/// reservation.
pub const STOCK: &str = "doos.stock.deduct";

/// Topic of purchases in flash sales, in MiniShop's JSON: ours, marked by the header `ce_source`, and other systems'.
pub const SECKILL_SUCCESS: &str = "seckill.success";
/// `ce_source` of purchases that are orders here already.
pub const SECKILL_SOURCE: &str = "/orders/seckill";

/// Ends the name of the dead letter topic of a topic.
pub const DEAD_LETTERS: &str = ".dlq";
/// RabbitMQ's topic exchange for purchases that were made here; the routing key is the topic's name.
pub const EXCHANGE: &str = "flashorder.seckill";

/// Consumer group of the relay that applies stock moves to the database.
pub const INVENTORY_GROUP: &str = "inventory-service";
/// Consumer group of the relay that feeds the search index.
pub const INDEX_GROUP: &str = "order-index";
/// Consumer group of the relay that takes in other systems' purchases.
pub const SECKILL_GROUP: &str = "seckill-order";
/// Consumer group of the relay that forwards our own purchases from the topic to RabbitMQ.
pub const RABBITMQ_GROUP: &str = "seckill-rabbitmq";

/// Value of `order.created` and `order.status_changed`. The flat fields are those that consumers of sharded orders
/// read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderMessage {
    /// A UUID made of order id and version; the headers `id` and `ce_id` have it too.
    #[cfg_attr(feature = "openapi", schema(format = "uuid"))]
    pub message_id: String,
    /// What has happened.
    pub event_type: EventType,
    /// Snowflake in decimal; the record's key.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]+$"))]
    pub order_id: String,
    /// Numeric id in decimal.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]+$"))]
    pub user_id: String,
    /// Of the first item, in decimal; empty without items.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]*$"))]
    pub product_id: String,
    /// To be paid.
    pub amount: Amount,
    /// Milliseconds UTC.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub occurred_at: Ms,
    /// Status before; absent for `order.created`.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::wire::asyncapi::StatusName>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The order as it is after the change.
    pub order: OrderDocument,
}

/// Value of `doos.stock.deduct`. The flat product and quantity are the first line's, as DOOS' consumers read them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StockMessage {
    /// A UUID made of order id and version; the headers `id` and `ce_id` have it too.
    #[cfg_attr(feature = "openapi", schema(format = "uuid"))]
    pub message_id: String,
    /// How the units of every line move.
    pub action: StockAction,
    /// Snowflake in decimal; the record's key.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]+$"))]
    pub order_id: String,
    /// Numeric id in decimal.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]+$"))]
    pub user_id: String,
    /// Of the first line, in decimal; empty without lines.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]*$"))]
    pub product_id: String,
    /// Of the first line, in units.
    pub quantity: u32,
    /// Milliseconds UTC.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub occurred_at: Ms,
    /// Every line.
    pub items: Vec<StockLine>,
}

/// A line of a stock move.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StockLine {
    /// Decimal text.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]+$"))]
    pub product_id: String,
    /// Decimal text; units of a flash sale of this platform have the sale's own sku.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]+$"))]
    pub sku_id: String,
    /// Units.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub quantity: u32,
    /// Where the units were reserved first.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::wire::asyncapi::StockModeName))]
    pub stock_mode: String,
}

impl StockMessage {
    /// Value of the header `event_type`.
    pub const fn event_type(action: StockAction) -> &'static str {
        match action {
            StockAction::Reserve => "stock.deduct",
            StockAction::Confirm => "stock.confirm",
            StockAction::Rollback | StockAction::Return => "stock.rollback",
        }
    }
}

/// One record to publish. Topics are without the configured prefix.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A new or changed order.
    Order {
        /// [`ORDER_CREATED`] or [`ORDER_STATUS_CHANGED`].
        topic: &'static str,
        /// The JSON value.
        value: Box<OrderMessage>,
    },
    /// A stock move.
    Stock {
        /// [`STOCK`].
        topic: &'static str,
        /// The JSON value.
        value: StockMessage,
    },
    /// A purchase in a flash sale of ours.
    Seckill(SeckillMessage),
}

impl Record {
    /// Without the configured prefix.
    pub fn topic(&self) -> &'static str {
        match self {
            Record::Order { topic, .. } | Record::Stock { topic, .. } => topic,
            Record::Seckill(_) => SECKILL_SUCCESS,
        }
    }

    /// The value as JSON.
    ///
    /// # Errors
    /// Where it cannot be serialized.
    pub fn value(&self) -> serde_json::Result<Vec<u8>> {
        match self {
            Record::Order { value, .. } => serde_json::to_vec(value),
            Record::Stock { value, .. } => serde_json::to_vec(value),
            Record::Seckill(value) => serde_json::to_vec(value),
        }
    }

    /// Value of the headers `event_type` and `ce_type`.
    pub fn event_type(&self) -> &'static str {
        match self {
            Record::Order { value, .. } => value.event_type.name(),
            Record::Stock { value, .. } => StockMessage::event_type(value.action),
            Record::Seckill(_) => SECKILL_SUCCESS,
        }
    }

    /// Value of the header `ce_source`.
    pub fn source(&self) -> &'static str {
        match self {
            Record::Order { .. } => "/orders",
            Record::Stock { .. } => "/orders/stock",
            Record::Seckill(_) => SECKILL_SOURCE,
        }
    }
}

/// The message of a new purchase in a flash sale of ours.
fn seckill(event_type: EventType, order: &OrderDocument) -> Option<SeckillMessage> {
    let item = order
        .items
        .first()
        .filter(|_| event_type == EventType::Created)?;
    let product: u64 = item.product_id.parse().ok()?;
    let sale = SeckillId::of(ProductId(product), SkuId(item.sku_id.parse().ok()?))?;
    Some(SeckillMessage {
        user_id: order.user_id.parse().ok()?,
        product_id: product,
        quantity: i64::from(item.quantity),
        unit_price: Amount(Cents::new(item.price_cents)?),
        seckill_id: sale.to_string(),
        timestamp: calendar::rfc3339(order.created_at),
    })
}

/// The records of one outbox row, the order's own last; all carry its message id.
pub fn records(event: OrderEvent) -> Vec<Record> {
    let topic = match event.event_type {
        EventType::Created => ORDER_CREATED,
        EventType::StatusChanged => ORDER_STATUS_CHANGED,
    };
    let OrderEvent {
        message_id,
        event_type,
        occurred_at,
        from,
        stock,
        order,
        ..
    } = event;
    let first = order.items.first();
    let product_id = first
        .map(|item| item.product_id.clone())
        .unwrap_or_default();
    let quantity = first.map_or(0, |item| item.quantity);
    let mut records = Vec::with_capacity(3);
    records.extend(seckill(event_type, &order).map(Record::Seckill));
    if let Some(action) = stock {
        let items = order.items.iter().map(|item| StockLine {
            product_id: item.product_id.clone(),
            sku_id: item.sku_id.clone(),
            quantity: item.quantity,
            stock_mode: item.stock_mode.clone(),
        });
        let value = StockMessage {
            message_id: message_id.clone(),
            action,
            order_id: order.id.clone(),
            user_id: order.user_id.clone(),
            product_id: product_id.clone(),
            quantity,
            occurred_at,
            items: items.collect(),
        };
        records.push(Record::Stock {
            topic: STOCK,
            value,
        });
    }
    let amount = Amount(Cents::new(order.actual_cents).unwrap_or_default());
    let (order_id, user_id) = (order.id.clone(), order.user_id.clone());
    let value = OrderMessage {
        message_id,
        event_type,
        order_id,
        user_id,
        product_id,
        amount,
        occurred_at,
        from,
        order,
    };
    let value = Box::new(value);
    records.push(Record::Order { topic, value });
    records
}
