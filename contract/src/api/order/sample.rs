//! One order for the tests of the shapes.

use domain::{
    Amounts, Cents, Order, OrderId, OrderItem, ProductId, SkuId, StockMode, User, UserId,
};

pub fn order() -> Order {
    let user = UserId::new(123);
    let id = OrderId::compose((1717 << 12) | 6, user.gene()).unwrap();
    let price = Cents::parse("99.99").unwrap();
    let total = price.times(2).unwrap();
    let user = User {
        id: user,
        reference: Some("user_123".into()),
    };
    let item = OrderItem {
        product: ProductId(1),
        sku: SkuId(0),
        name: "键盘".into(),
        image: None,
        price,
        quantity: 2,
        subtotal: total,
        stock_mode: StockMode::Redis,
        foreign_sale: None,
    };
    Order {
        payment_method: Some("alipay".into()),
        ..Order::pending(
            id,
            user,
            vec![item],
            Amounts::undiscounted(total),
            id.minted_at(),
        )
    }
}
