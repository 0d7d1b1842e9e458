//! The functions, compiled from their own sources. Their packages stay `cdylib` only: with an `rlib` as well, cargo
//! drops link-time optimisation and every component grows by a tenth.

#[path = "../../../functions/api-docs/src/lib.rs"]
pub mod api_docs;
#[path = "../../../functions/cancel-order/src/lib.rs"]
pub mod cancel_order;
#[path = "../../../functions/create-order/src/lib.rs"]
pub mod create_order;
#[path = "../../../functions/grpc-standard/src/lib.rs"]
pub mod grpc_standard;
#[path = "../../../functions/health/src/lib.rs"]
pub mod health;
#[path = "../../../functions/inventory-grpc/src/lib.rs"]
pub mod inventory_grpc;
#[path = "../../../functions/login/src/lib.rs"]
pub mod login;
#[path = "../../../functions/order-failures/src/lib.rs"]
pub mod order_failures;
#[path = "../../../functions/order-grpc/src/lib.rs"]
pub mod order_grpc;
#[path = "../../../functions/order-status/src/lib.rs"]
pub mod order_status;
#[path = "../../../functions/pay-order/src/lib.rs"]
pub mod pay_order;
#[path = "../../../functions/product-catalog/src/lib.rs"]
pub mod product_catalog;
#[path = "../../../functions/query-order/src/lib.rs"]
pub mod query_order;
#[path = "../../../functions/seckill-activities/src/lib.rs"]
pub mod seckill_activities;
#[path = "../../../functions/seckill-buy/src/lib.rs"]
pub mod seckill_buy;
#[path = "../../../functions/seckill-token/src/lib.rs"]
pub mod seckill_token;
#[path = "../../../functions/stats/src/lib.rs"]
pub mod stats;
