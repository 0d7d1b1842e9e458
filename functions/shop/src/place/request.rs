//! The request with everything that identifies it: the buyer, the key, and the hash of what is asked for.

use crate::order_store::Guard;
use contract::api::order::Draft;
use contract::api::{idempotency_key, identity};
use domain::User;

/// A request to place an order.
#[derive(Debug)]
pub struct Request {
    /// The buyer.
    pub user: User,
    /// What is asked for.
    pub draft: Draft,
    /// How a repeat of it is known.
    pub repeats: Repeats,
    /// Hash of the payload, the same for the same order however it is written, and over whichever protocol it came.
    pub payload: [u8; 16],
    /// The caller asks to be answered as soon as the order is accepted.
    pub respond_async: bool,
    /// Orders that the buyer may place a minute, where it was not counted before; 0 = any number.
    pub orders_max: u32,
}

/// By what a second request is known to be the same as this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// By the hash of the caller's key: it is answered with the same order.
    ByKey([u8; 16]),
    /// By the payload, for a short time: it is refused, as the second click of a page's button.
    ByPayload,
    /// By nothing: each request is an order of its own.
    Never,
}

impl Repeats {
    /// By the caller's key.
    pub fn by_key(key: &str) -> Repeats {
        Repeats::ByKey(idempotency_key::hash(key))
    }
}

impl Request {
    /// The request of this user.
    pub fn new(user: User, draft: Draft, repeats: Repeats, respond_async: bool) -> Request {
        let payload = payload(&user, &draft);
        Request {
            user,
            draft,
            repeats,
            payload,
            respond_async,
            orders_max: 0,
        }
    }

    /// The same, of a buyer who may place so many orders a minute; 0 = any number.
    #[must_use]
    pub fn limited_to(self, orders_max: u32) -> Request {
        Request { orders_max, ..self }
    }

    /// Hash of the caller's key; `None` where there is none.
    pub fn key(&self) -> Option<[u8; 16]> {
        match self.repeats {
            Repeats::ByKey(key) => Some(key),
            Repeats::ByPayload | Repeats::Never => None,
        }
    }

    /// What guards the order in its shard.
    pub fn guard(&self) -> Guard {
        Guard {
            key: self.key(),
            payload: self.payload,
        }
    }
}

fn payload(user: &User, draft: &Draft) -> [u8; 16] {
    let optional = |text: &Option<String>| {
        text.as_deref()
            .map_or(String::new(), |text| format!("={text}"))
    };
    let mut parts = vec![
        user.id.get().to_string(),
        optional(&draft.shipping_address),
        optional(&draft.remark),
        optional(&draft.payment_method),
    ];
    for line in &draft.lines {
        let price = line.price.map_or(String::new(), |price| price.to_string());
        parts.push(format!(
            "{} {} {} {price}",
            line.product.0, line.sku.0, line.quantity
        ));
    }
    let parts: Vec<&[u8]> = parts.iter().map(String::as_bytes).collect();
    identity::hash(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::api::order::CreateOrderRequest;

    /// Computed by another program, as live databases store it. With another hash every repeat across a deployment
    /// would be another request.
    #[test]
    fn a_payload_is_stored_as_it_ever_was() {
        let body = br#"{"items":[{"product_id":1,"quantity":2},{"product_id":9,"sku_id":4,"quantity":1,"price":10.5}],
            "shipping_address":"1 Nanjing Road East, Shanghai","remark":"after six","payment_method":"alipay"}"#;
        let user = contract::api::identity::user("user_7").unwrap();
        let stored = payload(&user, &CreateOrderRequest::parse(body).unwrap());
        assert_eq!(
            domain::hex::hex(&stored),
            "be5e5cf7783713a93f5695c686003aeb"
        );
    }

    #[test]
    fn the_same_wish_is_the_same_payload() {
        let user = contract::api::identity::user("7").unwrap();
        let hash =
            |body: &str| payload(&user, &CreateOrderRequest::parse(body.as_bytes()).unwrap());
        let first = hash(r#"{"items":[{"product_id":1,"quantity":2}]}"#);
        assert_eq!(
            first,
            hash(r#"{ "items": [ {"quantity":2, "product_id":"1"} ] }"#)
        );
        assert_ne!(first, hash(r#"{"items":[{"product_id":1,"quantity":3}]}"#));
        assert_ne!(
            first,
            hash(r#"{"items":[{"product_id":1,"quantity":2}],"remark":"x"}"#)
        );
    }
}
