//! What gRPC messages ask for, read by the rules of the JSON bodies. protobuf cannot tell a number that is absent from
//! one that is 0: where 0 means nothing, it counts as absent.

use super::create::{CreateOrderRequest, ItemRequest};
use super::draft::Draft;
use crate::api::amount::Amount;
use crate::api::body::Object;
use crate::api::identity::{self, IdText};
use crate::api::whole::Whole;
use domain::{Cents, OrderId, Rejection, User};
use serde_json::value::to_raw_value;

/// A request to place an order.
#[derive(Clone, Debug, Default)]
pub struct OrderCall {
    /// The buyer.
    pub user_id: i64,
    /// 1 to 100 lines.
    pub items: Vec<LineCall>,
    /// Plain or JSON text; empty: none.
    pub shipping_address: String,
    /// Empty: none.
    pub remark: String,
    /// Empty: none.
    pub payment_method: String,
}

/// A line of a request to place an order.
#[derive(Clone, Debug, Default)]
pub struct LineCall {
    /// From 1.
    pub product_id: i64,
    /// 0: none.
    pub sku_id: i64,
    /// Ignored.
    pub product_name: String,
    /// Ignored.
    pub product_image: String,
    /// 0: that of the catalogue.
    pub price: f64,
    /// From 1.
    pub quantity: i32,
}

impl OrderCall {
    /// The order that it asks for.
    ///
    /// # Errors
    /// Where a field is not acceptable; the rejection names it.
    pub fn draft(self) -> Result<Draft, Rejection> {
        let user = user(self.user_id)?;
        let items: Result<Vec<_>, Rejection> = (0..).zip(self.items).map(item).collect();
        let address = to_raw_value(&self.shipping_address);
        let address = address.map_err(|_| Rejection::invalid("shipping_address", "is no text"))?;
        let request = CreateOrderRequest {
            user_id: Some(IdText(user.id.get().to_string())),
            items: Some(items?),
            product_id: None,
            sku_id: None,
            quantity: None,
            price: None,
            amount: None,
            shipping_address: Some(address),
            remark: Some(self.remark),
            payment_method: Some(self.payment_method),
            idempotency_key: None,
        };
        request.into_draft()
    }
}

fn item((at, line): (usize, LineCall)) -> Result<Object<ItemRequest>, Rejection> {
    let price = price(line.price)
        .map_err(|reason| Rejection::invalid(format!("items[{at}].price"), reason))?;
    Ok(Object(ItemRequest {
        product_id: Some(IdText(line.product_id.to_string())),
        sku_id: Some(IdText(line.sku_id.to_string())),
        product_name: Some(line.product_name),
        product_image: Some(line.product_image),
        price,
        quantity: Some(Whole(line.quantity.into())),
    }))
}

/// A price as JSON would spell it; 0 is none.
fn price(price: f64) -> Result<Option<Amount>, String> {
    if price == 0.0 {
        return Ok(None);
    }
    let cents = Cents::parse(&price.to_string());
    cents
        .map(|cents| Some(Amount(cents)))
        .map_err(|error| error.to_string())
}

/// The user that a message names.
///
/// # Errors
/// Where it names nobody.
pub fn user(id: i64) -> Result<User, Rejection> {
    let wrong = |reason: &str| Rejection::invalid("user_id", reason);
    if id < 1 {
        return Err(wrong("must be a whole number above 0"));
    }
    identity::user(&id.to_string()).map_err(|reason| wrong(&reason))
}

/// The order that a message names.
///
/// # Errors
/// Where it names none.
pub fn order(id: i64) -> Result<OrderId, Rejection> {
    match u64::try_from(id).ok().filter(|id| *id > 0) {
        Some(id) => OrderId::named(&id.to_string()),
        None => Err(Rejection::invalid(
            "order_id",
            "must be a whole number above 0",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_lines(items: Vec<LineCall>) -> OrderCall {
        OrderCall {
            user_id: 7,
            items,
            ..OrderCall::default()
        }
    }

    fn line() -> LineCall {
        LineCall {
            product_id: 1,
            quantity: 2,
            ..LineCall::default()
        }
    }

    fn refused(call: OrderCall) -> String {
        match call.draft() {
            Err(Rejection::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_is_the_same_order_as_its_json() {
        let json = br#"{"user_id":7,"items":[{"product_id":1,"quantity":2,"price":19.9},{"product_id":9,"sku_id":4,
            "quantity":1}],"shipping_address":"1 Nanjing Road East","remark":"after six","payment_method":"alipay"}"#;
        let second = LineCall {
            product_id: 9,
            sku_id: 4,
            quantity: 1,
            ..LineCall::default()
        };
        let call = OrderCall {
            shipping_address: "1 Nanjing Road East".to_owned(),
            remark: "after six".to_owned(),
            payment_method: "alipay".to_owned(),
            ..of_lines(vec![
                LineCall {
                    price: 19.9,
                    ..line()
                },
                second,
            ])
        };
        assert_eq!(call.draft(), CreateOrderRequest::parse(json));
    }

    #[test]
    fn prices_are_read_as_json_numbers_are() {
        for (given, cents) in [
            (12.5, Some(1250)),
            (299.969_999_999_999_97, Some(29997)),
            (99_999_999.99, Some(9_999_999_999)),
            (0.0, None),
            (-0.0, None),
        ] {
            let read = price(given).unwrap().map(|Amount(cents)| cents.get());
            assert_eq!(read, cents, "{given}");
        }
        for bad in [1.005, -1.0, 1e8, 1e300, f64::NAN, f64::INFINITY, 5e-324] {
            assert!(price(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refusal_names_the_field() {
        let with = |change: fn(&mut LineCall)| {
            let mut bad = line();
            change(&mut bad);
            refused(of_lines(vec![line(), bad]))
        };
        assert_eq!(with(|line| line.product_id = 0), "items[1].product_id");
        assert_eq!(with(|line| line.product_id = -3), "items[1].product_id");
        assert_eq!(with(|line| line.sku_id = -1), "items[1].sku_id");
        assert_eq!(with(|line| line.quantity = 0), "items[1].quantity");
        assert_eq!(with(|line| line.quantity = i32::MIN), "items[1].quantity");
        assert_eq!(with(|line| line.price = 0.001), "items[1].price");
        assert_eq!(with(|_| {}), "items[1]");
        assert_eq!(refused(of_lines(Vec::new())), "items");
        for user_id in [0, -1, i64::MIN] {
            let call = OrderCall {
                user_id,
                ..of_lines(vec![line()])
            };
            assert_eq!(refused(call), "user_id");
        }
        assert!(matches!(order(0), Err(Rejection::Invalid { .. })));
    }
}
