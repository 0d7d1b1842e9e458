//! Entries of the intake streams: orders that were accepted and are to be written in batches.

use crate::wire::event::OrderEvent;
use domain::order::amounts;
use domain::{
    Cents, Ms, Order, OrderId, OrderItem, ProductId, Rejection, SeckillId, SkuId, StockMode, User,
    UserId,
};
use std::collections::HashMap;

/// What an entry asks the batch writer to do, by its field `kind`.
#[derive(Clone, Debug, PartialEq)]
pub enum Intake {
    /// A purchase in a flash sale: once per sale, user and product.
    Purchase(Box<Purchase>),
    /// A whole order that `Prefer: respond-async` accepted.
    Order(Box<Accepted>),
}

/// A purchase as `seckill_buy` writes it, or made of another system's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// Field `order`: the id that the token was issued with.
    pub order: OrderId,
    /// Fields `user` and `ref`, which is empty where the spelling was the plain number.
    pub user: User,
    /// Field `seckill`: ours (`<product>-<number>`), or another system's text, empty where it sends none.
    pub seckill_id: String,
    /// Field `product`.
    pub product: ProductId,
    /// Field `sku`: the sale's own where the sale is ours, else 0.
    pub sku: SkuId,
    /// Field `quantity`: units.
    pub quantity: u32,
    /// Field `price`: of one unit, in cents.
    pub price: Cents,
    /// Field `name`: the product's.
    pub name: String,
    /// Field `image`: the product's; `None` where empty.
    pub image: Option<String>,
    /// Field `at`: when it was bought; for another system's, when it was read.
    pub at: Ms,
    /// Field `trace`: of the request; `None` for another system's.
    pub trace_id: Option<String>,
}

/// An order that was accepted to be written later.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// Field `event`: the event of the new order, as JSON.
    pub event: OrderEvent,
    /// Field `key`: hash of the caller's idempotency key in hex; `None` where there was none.
    pub key: Option<[u8; 16]>,
    /// Field `payload`: hash of the payload in hex. Both hashes guard the order in the database.
    pub payload: [u8; 16],
}

/// Why an entry can never become an order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct BadEntry {
    /// Name of the field.
    pub field: &'static str,
    /// Continues the sentence that the field begins.
    pub reason: String,
}

fn bad(field: &'static str, reason: impl Into<String>) -> BadEntry {
    BadEntry {
        field,
        reason: reason.into(),
    }
}

impl Intake {
    /// Reads the fields of an entry. Strict: a missing or malformed field is an error.
    ///
    /// # Errors
    /// Which field is wrong, and how.
    pub fn read(fields: &HashMap<String, Vec<u8>>) -> Result<Intake, BadEntry> {
        match text(fields, "kind")? {
            "seckill" => Ok(Intake::Purchase(Box::new(purchase(fields)?))),
            "order" => Ok(Intake::Order(Box::new(accepted(fields)?))),
            other => Err(bad("kind", format!("is unknown: {other:?}"))),
        }
    }

    /// The id of its order; `None` where that cannot be read.
    pub fn order_id(&self) -> Option<OrderId> {
        match self {
            Intake::Purchase(purchase) => Some(purchase.order),
            Intake::Order(accepted) => OrderId::parse(&accepted.event.order.id),
        }
    }
}

fn optional<'a>(
    fields: &'a HashMap<String, Vec<u8>>,
    name: &'static str,
) -> Result<Option<&'a str>, BadEntry> {
    match fields.get(name).map(|bytes| std::str::from_utf8(bytes)) {
        None | Some(Ok("")) => Ok(None),
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(_)) => Err(bad(name, "is no UTF-8")),
    }
}

fn text<'a>(fields: &'a HashMap<String, Vec<u8>>, name: &'static str) -> Result<&'a str, BadEntry> {
    optional(fields, name)?.ok_or_else(|| bad(name, "is missing"))
}

fn number<N: std::str::FromStr>(
    fields: &HashMap<String, Vec<u8>>,
    name: &'static str,
) -> Result<N, BadEntry> {
    let text = text(fields, name)?;
    text.parse()
        .map_err(|_| bad(name, format!("is no number: {text:?}")))
}

fn purchase(fields: &HashMap<String, Vec<u8>>) -> Result<Purchase, BadEntry> {
    let user = UserId::new(number(fields, "user")?);
    let tick: u64 = number(fields, "order")?;
    Ok(Purchase {
        order: OrderId::new(tick).ok_or_else(|| bad("order", "is no order id"))?,
        user: User {
            id: user,
            reference: optional(fields, "ref")?.map(str::to_owned),
        },
        seckill_id: text(fields, "seckill")?.to_owned(),
        product: ProductId(number(fields, "product")?),
        sku: SkuId(number(fields, "sku")?),
        quantity: number(fields, "quantity")?,
        price: Cents::new(number(fields, "price")?)
            .ok_or_else(|| bad("price", "is out of range"))?,
        name: text(fields, "name")?.to_owned(),
        image: optional(fields, "image")?.map(str::to_owned),
        at: number(fields, "at")?,
        trace_id: optional(fields, "trace")?.map(str::to_owned),
    })
}

fn accepted(fields: &HashMap<String, Vec<u8>>) -> Result<Accepted, BadEntry> {
    let hash = |name: &'static str| -> Result<Option<[u8; 16]>, BadEntry> {
        let Some(text) = optional(fields, name)? else {
            return Ok(None);
        };
        domain::hex::unhex(text)
            .map(Some)
            .ok_or_else(|| bad(name, "is no hash"))
    };
    let event = text(fields, "event")?;
    Ok(Accepted {
        event: serde_json::from_str(event).map_err(|error| bad("event", error.to_string()))?,
        key: hash("key")?,
        payload: hash("payload")?.ok_or_else(|| bad("payload", "is missing"))?,
    })
}

impl Purchase {
    /// The pending order it becomes.
    ///
    /// # Errors
    /// Where the id is not the buyer's, the quantity is 0, or the amount does not fit.
    pub fn order(&self) -> Result<Order, Rejection> {
        if self.order.gene() != self.user.id.gene() {
            return Err(Rejection::invalid("order", "is no id of this user"));
        }
        if self.quantity == 0 {
            return Err(Rejection::invalid("quantity", "must be at least 1"));
        }
        let amounts = amounts(&[(self.price, self.quantity)], Cents::ZERO)?;
        let item = OrderItem {
            product: self.product,
            sku: self.sku,
            name: self.name.clone(),
            image: self.image.clone(),
            price: self.price,
            quantity: self.quantity,
            subtotal: amounts.total,
            stock_mode: StockMode::Redis,
            foreign_sale: self.foreign_sale(),
        };
        let user = self.user.clone();
        Ok(Order::pending(
            self.order,
            user,
            vec![item],
            amounts,
            self.at,
        ))
    }

    /// The flash sale; `None` where it is another system's.
    pub fn sale(&self) -> Option<SeckillId> {
        SeckillId::of(self.product, self.sku)
    }

    fn foreign_sale(&self) -> Option<String> {
        let foreign = self.sale().is_none() && !self.seckill_id.is_empty();
        foreign.then(|| self.seckill_id.clone())
    }
}

#[cfg(test)]
mod tests;
