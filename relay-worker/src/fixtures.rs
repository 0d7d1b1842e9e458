//! Orders and outbox rows for tests.

use crate::loops::outbox::Row;
use contract::wire::event::OrderEvent;
use contract::wire::intake::Purchase;
use domain::{
    Amounts, Cents, Order, OrderId, OrderItem, ProductId, SkuId, StockMode, User, UserId,
};

/// A pending order of product 1, number `number` of user 1000.
pub fn order(number: u64, quantity: u32) -> Order {
    let user = User {
        id: UserId::new(1000),
        reference: None,
    };
    let price = Cents::new(250).unwrap();
    let total = price.times(quantity).unwrap();
    let item = OrderItem {
        product: ProductId(1),
        sku: SkuId(0),
        name: "Tea".to_owned(),
        image: None,
        price,
        quantity,
        subtotal: total,
        stock_mode: StockMode::Redis,
        foreign_sale: None,
    };
    let id = OrderId::compose((1_000_000 << 12) + number, user.id.gene()).unwrap();
    let amounts = Amounts::undiscounted(total);
    Order::pending(id, user, vec![item], amounts, 1_704_067_201_000)
}

/// The outbox row of that order's creation.
pub fn created_row(number: u64, quantity: u32) -> Row {
    let event = OrderEvent::created(&order(number, quantity), None);
    Row {
        id: number,
        message_id: event.message_id.clone(),
        tx_id: event.order.id.clone(),
        payload: serde_json::to_string(&event).unwrap(),
        retry_count: 0,
        refused_count: 0,
    }
}

/// A purchase of one unit in flash sale 3 of product 1.
pub fn purchase(number: u64, user: u64) -> Purchase {
    let user = User {
        id: UserId::new(user),
        reference: None,
    };
    Purchase {
        order: OrderId::compose((1_000_000 << 12) + number, user.id.gene()).unwrap(),
        user,
        seckill_id: "1-3".to_owned(),
        product: ProductId(1),
        sku: SkuId(0).of_sale(3),
        quantity: 1,
        price: Cents::new(99).unwrap(),
        name: "Tea".to_owned(),
        image: None,
        at: 1_704_067_201_000,
        trace_id: None,
    }
}
