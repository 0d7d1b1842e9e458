//! What HTTP clients see: bodies, codes, pages, headers, and the OpenAPI document.

pub mod amount;
pub mod body;
pub mod failure;
pub mod health;
pub mod idempotency_key;
pub mod identity;
pub mod inventory;
#[cfg(test)]
mod largest;
pub mod login;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod order;
pub mod page;
pub mod prefer;
pub mod problem;
pub mod product;
pub mod route;
pub mod seckill;
pub mod stats;
pub mod whole;
