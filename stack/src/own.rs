//! This process' resources: open files for tests with thousands of connections, and a low priority for threads.

use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};
use std::io;

/// Lets this process, and children that it starts afterwards, hold `wanted` files open, or as many as the system
/// allows; gives that number.
pub fn raise_open_files(wanted: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.unwrap_or(u64::MAX);
    if current >= wanted {
        return current;
    }
    let allowed = limit.maximum.map_or(wanted, |most| most.min(wanted));
    let raised = Rlimit {
        current: Some(allowed),
        ..limit
    };
    setrlimit(Resource::Nofile, raised).map_or(current, |()| allowed)
}

/// Gives this thread, and those that it starts afterwards, the lowest priority.
///
/// # Errors
/// The system's error.
pub fn give_way() -> io::Result<()> {
    const LEAST: i32 = 19;
    nice(LEAST)?;
    Ok(())
}
