//! The outbox event: one per version of an order, carrying the whole order, so that a consumer needs no look-up and the
//! newest version alone is enough for the search index.

use domain::order::Step;
use domain::stock::StockEffect;
use domain::{
    Cents, Ms, Order, OrderId, OrderItem, ProductId, SeckillId, SkuId, Status, StockMode, User,
    UserId,
};
use serde::{Deserialize, Serialize};

/// Format of the payload; consumers refuse any other.
pub const SCHEMA: u32 = 1;

/// What has happened to the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum EventType {
    /// The first version of an order.
    #[serde(rename = "order.created")]
    Created,
    /// Every later version: one step of its status.
    #[serde(rename = "order.status_changed")]
    StatusChanged,
}

impl EventType {
    /// As in JSON, the outbox column `event_type` and the header of that name.
    pub const fn name(self) -> &'static str {
        match self {
            EventType::Created => "order.created",
            EventType::StatusChanged => "order.status_changed",
        }
    }
}

/// How the units of each line move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StockAction {
    /// available -> locked.
    Reserve,
    /// locked -> sold.
    Confirm,
    /// locked -> available.
    Rollback,
    /// sold -> available.
    Return,
}

impl From<StockEffect> for StockAction {
    fn from(effect: StockEffect) -> StockAction {
        match effect {
            StockEffect::Reserve => StockAction::Reserve,
            StockEffect::Confirm => StockAction::Confirm,
            StockEffect::Rollback => StockAction::Rollback,
            StockEffect::Return => StockAction::Return,
        }
    }
}

impl From<StockAction> for StockEffect {
    fn from(action: StockAction) -> StockEffect {
        match action {
            StockAction::Reserve => StockEffect::Reserve,
            StockAction::Confirm => StockEffect::Confirm,
            StockAction::Rollback => StockEffect::Rollback,
            StockAction::Return => StockEffect::Return,
        }
    }
}

/// Value of `t_local_message.payload`. Times in ms, money in cents, ids as strings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderEvent {
    /// [`SCHEMA`].
    pub schema: u32,
    /// UUID made of order id and version; the outbox column of the same name.
    pub message_id: String,
    /// What has happened.
    pub event_type: EventType,
    /// The order's `updated_at`.
    pub occurred_at: Ms,
    /// Of the request that caused it, 32 hex digits; absent where no request did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Status before; absent for `order.created`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What happens to the units; absent where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<StockAction>,
    /// The order as it is after the change.
    pub order: OrderDocument,
}

/// An order as events and the search index hold it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderDocument {
    /// Snowflake in decimal.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]+$"))]
    pub id: String,
    /// Date of creation and the id in base 36, 21 characters.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-z]{21}$"))]
    pub order_no: String,
    /// Numeric id in decimal.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]+$"))]
    pub user_id: String,
    /// The caller's spelling; absent where it was the plain number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_ref: Option<String>,
    /// After the change.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::wire::asyncapi::StatusName))]
    pub status: String,
    /// 1 when created, one more with each change.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub version: u32,
    /// Sum of the subtotals, in hundredths.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub total_cents: i64,
    /// Deducted from the total, in hundredths.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub discount_cents: i64,
    /// To be paid, in hundredths.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub actual_cents: i64,
    /// As the caller sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    /// Plain or JSON text, as the caller sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<String>,
    /// The buyer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// The provider's id of the payment that paid it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<String>,
    /// Present where it was cancelled with a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<String>,
    /// In the order of the request.
    pub items: Vec<ItemDocument>,
    /// When its id was minted, or when it was bought; milliseconds UTC.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub created_at: Ms,
    /// Time of this version, milliseconds UTC.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub updated_at: Ms,
    /// Milliseconds UTC; absent until paid.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u64>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Ms>,
    /// Milliseconds UTC; absent until shipped.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u64>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipped_at: Option<Ms>,
    /// Milliseconds UTC; absent until completed.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u64>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Ms>,
    /// Milliseconds UTC; absent unless cancelled.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u64>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Ms>,
}

/// A line of an order in an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ItemDocument {
    /// Decimal text.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]+$"))]
    pub product_id: String,
    /// Decimal text; units of a flash sale of this platform have the sale's own sku.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]+$"))]
    pub sku_id: String,
    /// As in the catalogue when it was ordered.
    pub product_name: String,
    /// As in the catalogue when it was ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_image: Option<String>,
    /// Of one unit, in hundredths.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub price_cents: i64,
    /// Units.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub quantity: u32,
    /// Price times quantity, in hundredths.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub subtotal_cents: i64,
    /// Where the units were reserved first.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::wire::asyncapi::StockModeName))]
    pub stock_mode: String,
    /// The flash sale it was bought in: of this platform, as `1-3`, or of another system, in its words; absent for
    /// ordinary units.
    #[cfg_attr(feature = "openapi", schema(max_length = 64))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seckill_id: Option<String>,
}

/// Why a document is no order of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct BadEvent {
    /// Its path, such as `order.items.price_cents`.
    pub field: &'static str,
    /// Continues the sentence that the field begins.
    pub reason: String,
}

impl OrderEvent {
    /// The event of an order that was just created.
    pub fn created(order: &Order, trace_id: Option<&str>) -> OrderEvent {
        OrderEvent::new(
            order,
            EventType::Created,
            None,
            Some(StockEffect::Reserve),
            trace_id,
        )
    }

    /// The event of `order` as it is after `step`.
    pub fn changed(order: &Order, step: Step, trace_id: Option<&str>) -> OrderEvent {
        OrderEvent::new(
            order,
            EventType::StatusChanged,
            Some(step.from),
            step.stock,
            trace_id,
        )
    }

    fn new(
        order: &Order,
        event_type: EventType,
        from: Option<Status>,
        stock: Option<StockEffect>,
        trace_id: Option<&str>,
    ) -> OrderEvent {
        OrderEvent {
            schema: SCHEMA,
            message_id: order.event_id().to_string(),
            event_type,
            occurred_at: order.updated_at,
            trace_id: trace_id.map(str::to_owned),
            from: from.map(|status| status.name().to_owned()),
            stock: stock.map(StockAction::from),
            order: OrderDocument::from(order),
        }
    }
}

impl From<&Order> for OrderDocument {
    fn from(order: &Order) -> OrderDocument {
        OrderDocument {
            id: order.id.to_string(),
            order_no: order.id.order_no(),
            user_id: order.user.id.get().to_string(),
            user_ref: order.user.reference.clone(),
            status: order.status.name().to_owned(),
            version: order.version,
            total_cents: order.total.get(),
            discount_cents: order.discount.get(),
            actual_cents: order.actual.get(),
            payment_method: order.payment_method.clone(),
            shipping_address: order.shipping_address.clone(),
            remark: order.remark.clone(),
            payment_id: order.payment_id.clone(),
            cancel_reason: order.cancel_reason.clone(),
            items: order.items.iter().map(ItemDocument::from).collect(),
            created_at: order.created_at,
            updated_at: order.updated_at,
            paid_at: order.paid_at,
            shipped_at: order.shipped_at,
            completed_at: order.completed_at,
            cancelled_at: order.cancelled_at,
        }
    }
}

impl From<&OrderItem> for ItemDocument {
    fn from(item: &OrderItem) -> ItemDocument {
        ItemDocument {
            product_id: item.product.0.to_string(),
            sku_id: item.sku.0.to_string(),
            product_name: item.name.clone(),
            product_image: item.image.clone(),
            price_cents: item.price.get(),
            quantity: item.quantity,
            subtotal_cents: item.subtotal.get(),
            stock_mode: item.stock_mode.name().to_owned(),
            seckill_id: item.seckill_id(),
        }
    }
}

fn number(field: &'static str, text: &str) -> Result<u64, BadEvent> {
    text.parse().map_err(|_| BadEvent {
        field,
        reason: format!("is no number: {text:?}"),
    })
}

fn cents(field: &'static str, cents: i64) -> Result<Cents, BadEvent> {
    Cents::new(cents).ok_or_else(|| BadEvent {
        field,
        reason: format!("is out of range: {cents}"),
    })
}

impl TryFrom<OrderDocument> for Order {
    type Error = BadEvent;

    fn try_from(doc: OrderDocument) -> Result<Order, BadEvent> {
        let bad = |field, text: &str| BadEvent {
            field,
            reason: format!("is not acceptable: {text:?}"),
        };
        Ok(Order {
            id: OrderId::new(number("order.id", &doc.id)?)
                .ok_or_else(|| bad("order.id", &doc.id))?,
            user: User {
                id: UserId::new(number("order.user_id", &doc.user_id)?),
                reference: doc.user_ref,
            },
            status: Status::parse(&doc.status).ok_or_else(|| bad("order.status", &doc.status))?,
            version: doc.version,
            total: cents("order.total_cents", doc.total_cents)?,
            discount: cents("order.discount_cents", doc.discount_cents)?,
            actual: cents("order.actual_cents", doc.actual_cents)?,
            payment_method: doc.payment_method,
            shipping_address: doc.shipping_address,
            remark: doc.remark,
            payment_id: doc.payment_id,
            cancel_reason: doc.cancel_reason,
            items: doc
                .items
                .into_iter()
                .map(OrderItem::try_from)
                .collect::<Result<_, _>>()?,
            created_at: doc.created_at,
            updated_at: doc.updated_at,
            paid_at: doc.paid_at,
            shipped_at: doc.shipped_at,
            completed_at: doc.completed_at,
            cancelled_at: doc.cancelled_at,
        })
    }
}

impl TryFrom<ItemDocument> for OrderItem {
    type Error = BadEvent;

    fn try_from(doc: ItemDocument) -> Result<OrderItem, BadEvent> {
        let product = ProductId(number("order.items.product_id", &doc.product_id)?);
        let sku = SkuId(number("order.items.sku_id", &doc.sku_id)?);
        let own_sale = SeckillId::of(product, sku);
        Ok(OrderItem {
            product,
            sku,
            foreign_sale: doc.seckill_id.filter(|_| own_sale.is_none()),
            name: doc.product_name,
            image: doc.product_image,
            price: cents("order.items.price_cents", doc.price_cents)?,
            quantity: doc.quantity,
            subtotal: cents("order.items.subtotal_cents", doc.subtotal_cents)?,
            stock_mode: StockMode::from_name(&doc.stock_mode).ok_or_else(|| BadEvent {
                field: "order.items.stock_mode",
                reason: format!("is not acceptable: {:?}", doc.stock_mode),
            })?,
        })
    }
}
