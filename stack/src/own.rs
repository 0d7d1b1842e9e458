//! What this process may take of the machine: open files for tests with thousands of connections, and precedence for
//! threads that play other machines.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};

/// Lets this process, and children it starts from now on, hold `wanted` files open, or as many as the system allows;
/// gives how many that are.
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

/// From now on this thread, and those it starts, run when others leave a processor idle, or nearly so.
///
/// # Errors
/// What the system says.
pub fn give_way() -> io::Result<()> {
    const LEAST: i32 = 19;
    nice(LEAST)?;
    Ok(())
}
