//! Entries of the intake streams: orders that were accepted and are to be written in batches.

use crate::wire::event::OrderEvent;
use domain::order::amounts;
use domain::{
    Cents, Ms, Order, OrderId, OrderItem, ProductId, Rejection, SeckillId, SkuId, StockMode, User,
    UserId,
};
use std::collections::HashMap;

/// What an entry asks the writer to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Intake {
    /// A purchase in a flash sale: once per sale, user and product.
    Purchase(Box<Purchase>),
    /// A whole order that `Prefer: respond-async` accepted.
    Order(Box<Accepted>),
}

/// As `seckill_buy` writes it, or a message of another system says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    pub order: OrderId,
    pub user: User,
    /// Ours (`<product>-<number>`), or another system's text.
    pub seckill_id: String,
    pub product: ProductId,
    /// The sale's own where the sale is ours.
    pub sku: SkuId,
    pub quantity: u32,
    pub price: Cents,
    pub name: String,
    pub image: Option<String>,
    pub at: Ms,
    pub trace_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    pub event: OrderEvent,
    /// Hashes of the caller's key and payload, for the guard in the database.
    pub key: Option<[u8; 16]>,
    pub payload: [u8; 16],
}

/// Why an entry can never become an order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct BadEntry {
    pub field: &'static str,
    pub reason: String,
}

fn bad(field: &'static str, reason: impl Into<String>) -> BadEntry {
    BadEntry {
        field,
        reason: reason.into(),
    }
}

impl Intake {
    /// Reads the fields of an entry. Strict: what is missing or odd is named.
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
    /// Where its amount does not fit, or the id is not the buyer's.
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

    /// The sale, where it is ours.
    pub fn sale(&self) -> Option<SeckillId> {
        SeckillId::of(self.product, self.sku)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> HashMap<String, Vec<u8>> {
        let order = OrderId::compose(4096, UserId::new(7).gene()).unwrap();
        let sku = SkuId(0).of_sale(3);
        [
            ("kind", "seckill".to_owned()),
            ("order", order.to_string()),
            ("user", "7".to_owned()),
            ("ref", String::new()),
            ("seckill", "1-3".to_owned()),
            ("product", "1".to_owned()),
            ("sku", sku.0.to_string()),
            ("quantity", "2".to_owned()),
            ("price", "990".to_owned()),
            ("name", "Cup".to_owned()),
            ("image", String::new()),
            ("at", "1795264560130".to_owned()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into_bytes()))
        .collect()
    }

    #[test]
    fn a_purchase_becomes_a_pending_order() {
        let Ok(Intake::Purchase(purchase)) = Intake::read(&fields()) else {
            panic!("no purchase");
        };
        let order = purchase.order().unwrap();
        assert_eq!((order.actual.get(), order.version), (1980, 1));
        assert_eq!(purchase.sale().unwrap().to_string(), "1-3");
    }

    #[test]
    fn what_is_odd_is_named() {
        for (name, value, why) in [
            ("kind", "x", "kind is unknown"),
            ("order", "0", "order is no order id"),
            ("quantity", "-1", "quantity is no number"),
            ("price", "9999999999999", "price is out of range"),
            ("name", "", "name is missing"),
            ("user", "u", "user is no number"),
        ] {
            let mut fields = fields();
            fields.insert(name.to_owned(), value.as_bytes().to_vec());
            let error = Intake::read(&fields).unwrap_err().to_string();
            assert!(error.starts_with(why), "{error}");
        }
        let mut foreign = fields();
        foreign.insert("user".to_owned(), b"8".to_vec());
        let Ok(Intake::Purchase(purchase)) = Intake::read(&foreign) else {
            panic!("no purchase");
        };
        assert!(purchase.order().is_err(), "an id of another user's gene");
    }
}
