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
        /// A payment provider: reports payments, and nothing else.
        Provider = 4, "provider";
    }
}

impl Role {
    /// The roles of users, whom access tokens name.
    pub const OF_USERS: [Role; 3] = [Role::User, Role::Admin, Role::Ops];
    /// The roles of machines, which sign their requests.
    pub const OF_MACHINES: [Role; 3] = [Role::Admin, Role::Ops, Role::Provider];

    /// Whether a user may have it.
    pub fn is_of_users(self) -> bool {
        Role::OF_USERS.contains(&self)
    }

    /// Whether a machine may have it.
    pub fn is_of_machines(self) -> bool {
        Role::OF_MACHINES.contains(&self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_have_a_role() {
        let of = |role: Role| (role.is_of_users(), role.is_of_machines());
        assert_eq!(
            Role::ALL.map(of),
            [(true, false), (true, true), (true, true), (false, true)]
        );
    }
}
