//! One order for the tests of the shapes.

use domain::{Cents, Order, OrderId, OrderItem, ProductId, SkuId, Status, StockMode, User, UserId};

pub fn order() -> Order {
    let user = UserId::new(123);
    let id = OrderId::compose((1717 << 12) | 6, user.gene()).unwrap();
    let price = Cents::parse("99.99").unwrap();
    let total = price.times(2).unwrap();
    Order {
        id,
        user: User {
            id: user,
            reference: Some("user_123".into()),
        },
        status: Status::Pending,
        version: 1,
        total,
        discount: Cents::ZERO,
        actual: total,
        payment_method: Some("alipay".into()),
        shipping_address: None,
        remark: None,
        payment_id: None,
        cancel_reason: None,
        items: vec![OrderItem {
            product: ProductId(1),
            sku: SkuId(0),
            name: "键盘".into(),
            image: None,
            price,
            quantity: 2,
            subtotal: total,
            stock_mode: StockMode::Redis,
        }],
        created_at: id.minted_at(),
        updated_at: id.minted_at(),
        paid_at: None,
        shipped_at: None,
        completed_at: None,
        cancelled_at: None,
    }
}
