//! What is stored in Redis and MySQL: keys and the scripts that work on them, values, and SQL that more than one
//! program runs.

pub mod cached_order;
pub mod call;
pub mod queued;
pub mod redis;
pub mod sale_facts;
pub mod sql;
