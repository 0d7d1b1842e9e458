//! Orders as protobuf messages. What HTTP has as text or with two decimals is a number here.

use contract::api::amount::Amount;
use contract::api::order::{ItemView, OrderView};
use domain::{Ms, UserId};
use guest::Fault;
use prost_types::Timestamp;
use proto::order::v1::{CreateOrderResponse, Order, OrderItem};

/// The reply of an order that is placed or accepted.
pub fn created(view: &OrderView) -> Result<CreateOrderResponse, Fault> {
    Ok(CreateOrderResponse {
        order_id: id(&view.id)?,
        order_no: view.order_no.clone(),
        actual_amount: amount(view.actual_amount),
        status: view.status.clone(),
        created_at: Some(moment(view.created_at)?),
    })
}

/// An order of this user.
pub fn order(view: &OrderView, owner: UserId) -> Result<Order, Fault> {
    let items: Result<Vec<_>, Fault> = view.items.iter().map(item).collect();
    Ok(Order {
        id: id(&view.id)?,
        order_no: view.order_no.clone(),
        user_id: whole(owner.get(), "user_id")?,
        total_amount: amount(view.total_amount),
        actual_amount: amount(view.actual_amount),
        status: view.status.clone(),
        payment_method: view.payment_method.clone().unwrap_or_default(),
        shipping_address: view.shipping_address.clone().unwrap_or_default(),
        items: items?,
        created_at: Some(moment(view.created_at)?),
        paid_at: view.paid_at.map(moment).transpose()?,
    })
}

fn item(item: &ItemView) -> Result<OrderItem, Fault> {
    Ok(OrderItem {
        product_id: id(&item.product_id)?,
        sku_id: id(&item.sku_id)?,
        product_name: item.product_name.clone(),
        product_image: item.product_image.clone().unwrap_or_default(),
        price: amount(item.price),
        quantity: whole(item.quantity, "quantity")?,
    })
}

fn id(text: &str) -> Result<i64, Fault> {
    text.parse()
        .map_err(|_| Fault::Internal(format!("the id {text} does not fit int64")))
}

/// The nearest double: its shortest decimal has the same two decimals.
fn amount(Amount(cents): Amount) -> f64 {
    cents.get() as f64 / 100.0
}

fn moment(ms: Ms) -> Result<Timestamp, Fault> {
    Ok(Timestamp {
        seconds: whole(ms / 1_000, "time")?,
        nanos: whole(ms % 1_000 * 1_000_000, "time")?,
    })
}

/// A number in the message's type.
pub fn whole<T, N>(number: N, name: &str) -> Result<T, Fault>
where
    N: TryInto<T> + Copy + std::fmt::Display,
{
    let fitting = number.try_into();
    fitting.map_err(|_| Fault::Internal(format!("{name} {number} does not fit its field")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Cents;

    #[test]
    fn numbers_are_those_of_http() {
        for (cents, double) in [(1980, 19.80), (9_999_999_999, 99_999_999.99), (7, 0.07)] {
            assert_eq!(amount(Amount(Cents::new(cents).unwrap())), double);
        }
        let at = moment(1_795_275_744_644).unwrap();
        assert_eq!((at.seconds, at.nanos), (1_795_275_744, 644_000_000));
    }

    #[test]
    fn what_does_not_fit_is_no_other_number() {
        let total: Result<i32, Fault> = whole(3_000_000_000_u64, "total");
        assert!(total.is_err());
        assert!(id("9223372036854775808").is_err());
    }
}
