//! Groups of replies that become stale together (RFC 9875), named by functions and relay; and the Redis channel that
//! notifies hosts, whose messages the host defines (docs/ARCHITECTURE.md).

use domain::{OrderId, ProductId, UserId};

/// Lists of orders of all users.
pub const ORDERS: &str = "orders";
/// Lists of products.
pub const PRODUCTS: &str = "products";
/// Redis channel on which stale groups are published.
pub const CHANNEL: &str = "http-cache";
/// Groups of one message; more are sent as several messages.
pub const MESSAGE_GROUPS_MAX: usize = 2_000;

/// How long a host may serve a cached reply without asking the component, in seconds.
pub const FRESH_SECONDS: u32 = 1;

/// Replies that show an order.
pub fn order(id: OrderId) -> String {
    format!("order-{id}")
}

/// Lists of a user's orders.
pub fn user(id: UserId) -> String {
    format!("user-{}", id.get())
}

/// Replies that show a product.
pub fn product(id: ProductId) -> String {
    format!("product-{}", id.0)
}

/// The groups that are stale when an order has changed or is new.
pub fn of_order(id: OrderId, owner: UserId) -> [String; 3] {
    [order(id), user(owner), ORDERS.to_owned()]
}

/// The message that these groups are stale; hosts do not acknowledge it.
pub fn stale<'a>(groups: impl IntoIterator<Item = &'a str>) -> String {
    let mut message = "stale".to_owned();
    for group in groups {
        message.push('\n');
        message.push_str(group);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_as_hosts_read_it() {
        let owner = UserId::new(7);
        let id = OrderId::compose(4096, owner.gene()).unwrap();
        let groups = of_order(id, owner);
        assert_eq!(
            groups,
            [
                format!("order-{id}"),
                "user-7".to_owned(),
                "orders".to_owned()
            ]
        );
        // The host's own test reads these very bytes.
        assert_eq!(stale(["order-1", "orders"]), "stale\norder-1\norders");
        assert_eq!(product(ProductId(3)), "product-3");
    }
}
