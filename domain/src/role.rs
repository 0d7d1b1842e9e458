//! What a caller may do beyond its own orders.

use crate::coded;

coded! {
    /// A role of callers. Roles are not ranks: each has its own operations.
    pub enum Role {
        /// A shopper: its own orders and purchases.
        User = 1, "user";
        /// The back office: products, flash sales, all orders, statistics.
        Admin = 2, "admin";
        /// Operators: what failed, and how the platform fares.
        Ops = 3, "ops";
    }
}
