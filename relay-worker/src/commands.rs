//! Commands of the command line. `reindex` is in `loops::index`, `outbox` in `loops::outbox`.

pub mod migrate;
pub mod reconcile;
pub mod run;
pub mod user;
