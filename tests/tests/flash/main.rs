//! Flash sales on the whole platform: rushes, crashes, tokens, poison, the end of a sale.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod asynchronous;
mod cluster;
mod crash;
mod heal;
mod poison;
mod rush;
mod sale_end;
mod tokens;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// One test at a time: those that create load or kill need the machine alone.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
