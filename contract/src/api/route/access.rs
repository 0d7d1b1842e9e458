//! Who may ask for an operation: the roles of each route and of each gRPC method. What a caller may see and change
//! within an operation, its own orders or all, is decided where the operation is.

use super::limited::Limited;
use domain::Role;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody, with a token or without.
    Anyone,
    /// Callers with one of these roles, however they show it.
    Roles(&'static [Role]),
    /// Machines alone, by a signature.
    Signed {
        /// With one of these roles.
        machines: &'static [Role],
        /// In mode `compat` also programs that are trusted, with one of these.
        trusted: &'static [Role],
    },
}

/// By what a caller's role is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// An access token: a user.
    Token,
    /// A signature of the request: a machine.
    Signature,
    /// Nothing, in mode `compat`.
    Trust,
}

/// Every caller but payment providers: users, and machines with a role of the staff.
pub const CALLERS: Access = Access::Roles(&Role::OF_USERS);
/// Buyers, for their own orders, and the back office.
pub const BUYERS: Access = Access::Roles(&[Role::User, Role::Admin]);
/// What the back office does.
pub const BACK_OFFICE: Access = Access::Roles(&[Role::Admin]);
/// What operators do.
pub const OPERATORS: Access = Access::Roles(&[Role::Ops]);
/// What both look at.
pub const STAFF: Access = Access::Roles(&[Role::Admin, Role::Ops]);
/// What payment providers do. Gateways of old clients report payments as the back office.
pub const PROVIDERS: Access = Access::Signed {
    machines: &[Role::Provider],
    trusted: &[Role::Provider, Role::Admin],
};

impl Access {
    /// Whether a caller may ask whose role is known by this.
    pub fn admits(self, role: Role, by: Proof) -> bool {
        match (self, by) {
            (Access::Anyone, _) => true,
            (Access::Roles(roles), _) => roles.contains(&role),
            (Access::Signed { machines, .. }, Proof::Signature) => machines.contains(&role),
            (Access::Signed { trusted, .. }, Proof::Trust) => trusted.contains(&role),
            (Access::Signed { .. }, Proof::Token) => false,
        }
    }

    /// The role that a program needs which is trusted; `None` where a user may ask, or everybody.
    pub fn staff(self) -> Option<Role> {
        match self {
            Access::Anyone => None,
            Access::Roles(roles) if roles.contains(&Role::User) => None,
            Access::Roles(roles) => roles.first().copied(),
            Access::Signed { trusted, .. } => trusted.first().copied(),
        }
    }
}

/// A gRPC method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// `/package.Service/Method`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// By what it is limited.
    pub limited: Limited,
}

/// Every gRPC method.
pub const METHODS: &[Method] = &[
    Method::new("/order.v1.OrderService/CreateOrder", CALLERS).limited(Limited::ByUser),
    Method::new("/order.v1.OrderService/GetOrderDetail", CALLERS),
    Method::new("/order.v1.OrderService/ListOrders", CALLERS),
    Method::new("/order.v1.OrderService/CancelOrder", BUYERS).limited(Limited::ByAddress),
    Method::new("/order.v1.OrderService/UpdateOrderStatus", BACK_OFFICE)
        .limited(Limited::ByAddress),
    Method::new("/inventory.v1.InventoryService/GetStock", Access::Anyone),
    Method::new("/inventory.v1.InventoryService/PreDeductStock", BACK_OFFICE)
        .limited(Limited::ByAddress),
    Method::new(
        "/inventory.v1.InventoryService/ConfirmDeductStock",
        BACK_OFFICE,
    )
    .limited(Limited::ByAddress),
    Method::new("/inventory.v1.InventoryService/RollbackStock", BACK_OFFICE)
        .limited(Limited::ByAddress),
    Method::new("/grpc.health.v1.Health/Check", Access::Anyone),
    Method::new("/grpc.health.v1.Health/Watch", Access::Anyone),
    Method::new(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        Access::Anyone,
    ),
    Method::new(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        Access::Anyone,
    ),
];

impl Method {
    /// One that only reads, until the table says what it does.
    const fn new(path: &'static str, access: Access) -> Method {
        Method {
            path,
            access,
            limited: Limited::No,
        }
    }

    const fn limited(self, limited: Limited) -> Method {
        Method { limited, ..self }
    }
}

/// The gRPC method with this path, where there is one.
pub fn method(path: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.path == path)
}

/// Who may call a gRPC method, by its path; `None` where there is no such method.
pub fn of_method(path: &str) -> Option<Access> {
    method(path).map(|method| method.access)
}
