//! Who may ask for an operation: the roles of each route and of each gRPC method. What a caller may see and change
//! within an operation, its own orders or all, is decided where the operation is.

use domain::Role;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody, with a token or without.
    Anyone,
    /// Callers with one of these roles.
    Roles(&'static [Role]),
}

/// Every caller that is known.
pub const CALLERS: Access = Access::Roles(&Role::ALL);
/// What the back office does.
pub const BACK_OFFICE: Access = Access::Roles(&[Role::Admin]);
/// What operators do.
pub const OPERATORS: Access = Access::Roles(&[Role::Ops]);
/// What both look at.
pub const STAFF: Access = Access::Roles(&[Role::Admin, Role::Ops]);

impl Access {
    /// Whether a caller with this role may ask.
    pub fn admits(self, role: Role) -> bool {
        match self {
            Access::Anyone => true,
            Access::Roles(roles) => roles.contains(&role),
        }
    }

    /// A role that is needed; `None` where a user may ask, or everybody.
    pub fn staff(self) -> Option<Role> {
        match self {
            Access::Roles(roles) if !self.admits(Role::User) => roles.first().copied(),
            _ => None,
        }
    }
}

/// Path and access of every gRPC method.
pub const METHODS: &[(&str, Access)] = &[
    ("/order.v1.OrderService/CreateOrder", CALLERS),
    ("/order.v1.OrderService/GetOrderDetail", CALLERS),
    ("/order.v1.OrderService/ListOrders", CALLERS),
    ("/order.v1.OrderService/CancelOrder", CALLERS),
    ("/order.v1.OrderService/UpdateOrderStatus", BACK_OFFICE),
    ("/inventory.v1.InventoryService/GetStock", Access::Anyone),
    ("/inventory.v1.InventoryService/PreDeductStock", BACK_OFFICE),
    (
        "/inventory.v1.InventoryService/ConfirmDeductStock",
        BACK_OFFICE,
    ),
    ("/inventory.v1.InventoryService/RollbackStock", BACK_OFFICE),
    ("/grpc.health.v1.Health/Check", Access::Anyone),
    ("/grpc.health.v1.Health/Watch", Access::Anyone),
    (
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        Access::Anyone,
    ),
    (
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        Access::Anyone,
    ),
];

/// Who may call a gRPC method, by its path; `None` where there is no such method.
pub fn of_method(path: &str) -> Option<Access> {
    let known = METHODS.iter().find(|(known, _)| *known == path);
    known.map(|(_, access)| *access)
}
