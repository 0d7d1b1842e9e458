//! Ports: a free one for a server, and who listens on a busy one. Servers get ports below the kernel's ephemeral range,
//! so that no outgoing connection takes a killed server's port (or connects to itself) while the server restarts.

use anyhow::{Result, bail};
use std::collections::HashSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

const FIRST: u32 = 18_000;
const COUNT: u32 = 14_000;

/// A TCP port nobody listens on, on 127.0.0.1; never the same twice in one process.
///
/// # Errors
/// When all ports of the range are busy or given out.
pub fn free_port() -> Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(u32::MAX);
    // Processes that start together begin at different ports.
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.subsec_nanos());
    let start = (process::id().wrapping_mul(7_919) ^ nanos) % COUNT;
    let _ = NEXT.compare_exchange(u32::MAX, start, Ordering::Relaxed, Ordering::Relaxed);
    for _ in 0..COUNT {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        if let Ok(port) = u16::try_from(FIRST + offset)
            && is_free(port)
        {
            return Ok(port);
        }
    }
    bail!(
        "no free port on 127.0.0.1 between {FIRST} and {}",
        FIRST + COUNT - 1
    )
}

/// Whether a server could listen on `port` of 127.0.0.1.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// Who listens on `port`, as "name (pid N)"; `None` where that cannot be seen, as with another user's process.
pub fn owner(port: u16) -> Option<String> {
    let inodes: HashSet<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listeners(&table, port))
        .collect();
    // Only entries of processes count; "self" is an alias.
    let mut processes = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, entry.path()))
    });
    let (pid, dir) = processes.find(|(_, dir)| holds(dir, &inodes))?;
    let name = fs::read_to_string(dir.join("comm")).unwrap_or_default();
    Some(format!("{} (pid {pid})", name.trim()))
}

/// Inodes of the sockets that listen on `port`, from a /proc/net/tcp table.
fn listeners(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let suffix = format!(":{port:04X}");
    table
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
            (local.ends_with(&suffix) && *state == LISTEN).then(|| (*inode).to_owned())
        })
        .collect()
}

fn holds(process: &Path, inodes: &HashSet<String>) -> bool {
    let Ok(descriptors) = fs::read_dir(process.join("fd")) else {
        return false;
    };
    descriptors.flatten().any(|descriptor| {
        fs::read_link(descriptor.path()).is_ok_and(|target| {
            let target = target.to_string_lossy();
            let inode = target
                .strip_prefix("socket:[")
                .and_then(|rest| rest.strip_suffix(']'));
            inode.is_some_and(|inode| inodes.contains(inode))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_out_once() {
        let ports: HashSet<u16> = (0..50).map(|_| free_port().unwrap()).collect();
        assert_eq!(ports.len(), 50);
    }

    #[test]
    fn the_holder_of_a_port_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(!is_free(port));
        assert!(
            owner(port)
                .unwrap()
                .ends_with(&format!("(pid {})", process::id()))
        );
    }

    #[test]
    fn only_listening_sockets_of_that_port_count() {
        let table = "  sl  local_address rem_address   st tx rx tr tm retrnsmt   uid  timeout inode\n\
             0: 0100007F:1F91 00000000:0000 0A 0:0 0:0 0 0 0 4711 1\n\
             1: 0100007F:1F91 0100007F:9999 01 0:0 0:0 0 0 0 4712 1\n\
             2: 0100007F:1F92 00000000:0000 0A 0:0 0:0 0 0 0 4713 1\n";
        assert_eq!(listeners(table, 8081), ["4711"]);
    }
}
