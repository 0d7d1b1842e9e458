//! What stands in Redis and MySQL: keys and the scripts that own them, values, and the SQL of statements that more than
//! one program runs.

pub mod cached_order;
pub mod call;
pub mod queued;
pub mod redis;
pub mod sale_facts;
pub mod sql;
