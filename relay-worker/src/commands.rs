//! The words of the command line that do something of their own. `reindex` is the index's, `outbox` the outbox's.

pub mod migrate;
pub mod reconcile;
pub mod run;
