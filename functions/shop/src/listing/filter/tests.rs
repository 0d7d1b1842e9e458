//! Tests of `filter`.

use super::*;
use crate::caller;
use domain::{Amounts, Cents, OrderItem, SkuId, StockMode};

fn query(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
    move |name| {
        let found = pairs.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    }
}

fn user(text: &str) -> Option<User> {
    Some(caller::user("user_id", text).unwrap())
}

#[test]
fn users_of_path_and_query() {
    let path = Filter::of_list(user("user_7"), user("7"), &query(&[])).unwrap();
    assert_eq!(path.user.unwrap().shown(), "user_7");
    assert!(Filter::of_list(user("user_7"), user("8"), &query(&[])).is_err());
    let named = Filter::of_list(None, user("8"), &query(&[("status", "paid")])).unwrap();
    assert_eq!(named.status, Some(Status::Paid));
    assert_eq!(named.user.unwrap().id.get(), 8);
    let of = |pairs| Filter::of_list(None, None, &query(pairs));
    assert!(of(&[("status", "gone")]).is_err());
    assert!(of(&[("from", "2024-02-02"), ("to", "2024-02-01")]).is_err());
    assert!(of(&[("from", "2024-02-02"), ("to", "2024-02-02")]).is_ok());
}

#[test]
fn shards_follow_the_gene() {
    let two = ShardCount::new(2).unwrap();
    let of = |named, pairs| {
        let filter = Filter::of_search(named, &query(pairs)).unwrap();
        filter.shards(two)
    };
    assert_eq!(of(None, &[]), [0, 1]);
    assert_eq!(of(user("7"), &[]), [1]);
    // Gene 123: odd.
    assert_eq!(of(None, &[("order_no", "7202123782")]), [1]);
    assert_eq!(of(user("123"), &[("id", "7202123782")]), [1]);
    assert!(of(user("124"), &[("id", "7202123782")]).is_empty());
    assert_eq!(of(None, &[("product_id", "3")]), [0, 1]);
    for bad in [
        &[("order_no", "x")][..],
        &[("product_id", "0")],
        &[("order_no", "7202123782"), ("id", "7202123783")],
    ] {
        assert!(Filter::of_search(None, &query(bad)).is_err(), "{bad:?}");
    }
}

fn order() -> Order {
    let owner = user("7").unwrap();
    let id = OrderId::compose(4096, owner.id.gene()).unwrap();
    let price = Cents::new(100).unwrap();
    let item = OrderItem {
        product: ProductId(3),
        sku: SkuId(0),
        name: "Cup".to_owned(),
        image: None,
        price,
        quantity: 1,
        subtotal: price,
        stock_mode: StockMode::Redis,
        foreign_sale: None,
    };
    Order::pending(id, owner, vec![item], Amounts::undiscounted(price), 1000)
}

#[test]
fn an_order_is_taken_where_every_condition_holds() {
    let order = order();
    let whole = Filter {
        user: Some(order.user.clone()),
        status: Some(order.status),
        order: Some(order.id),
        product: Some(order.items[0].product),
        from: Some(order.created_at),
        to: Some(order.created_at + 1),
    };
    assert!(Filter::default().takes(&order) && whole.takes(&order));
    let other = [
        Filter {
            user: user("12345"),
            ..whole.clone()
        },
        Filter {
            status: Some(Status::Failed),
            ..whole.clone()
        },
        Filter {
            order: OrderId::new(9),
            ..whole.clone()
        },
        Filter {
            product: Some(ProductId(u64::MAX)),
            ..whole.clone()
        },
        Filter {
            from: Some(order.created_at + 1),
            ..whole.clone()
        },
        Filter {
            to: Some(order.created_at),
            ..whole.clone()
        },
    ];
    for filter in other {
        assert!(!filter.takes(&order), "{filter:?}");
    }
}
