//! Which commands change the connection they are sent on, and so must not share it with other requests.

/// Commands that change the state of their connection, or block those behind them. Sorted.
const STATEFUL: [&str; 34] = [
    "ASKING",
    "AUTH",
    "BLMOVE",
    "BLMPOP",
    "BLPOP",
    "BRPOP",
    "BRPOPLPUSH",
    "BZMPOP",
    "BZPOPMAX",
    "BZPOPMIN",
    "CLIENT",
    "DISCARD",
    "EXEC",
    "HELLO",
    "MONITOR",
    "MULTI",
    "PSUBSCRIBE",
    "PSYNC",
    "PUNSUBSCRIBE",
    "QUIT",
    "READONLY",
    "READWRITE",
    "RESET",
    "SELECT",
    "SHUTDOWN",
    "SSUBSCRIBE",
    "SUBSCRIBE",
    "SUNSUBSCRIBE",
    "SYNC",
    "UNSUBSCRIBE",
    "UNWATCH",
    "WAIT",
    "WAITAOF",
    "WATCH",
];

/// Whether `command` needs a private connection. `has_block` says whether an argument is `BLOCK`.
pub fn is_stateful(command: &str, has_block: impl FnOnce() -> bool) -> bool {
    let is = |name: &str| command.eq_ignore_ascii_case(name);
    STATEFUL.iter().any(|name| is(name)) || ((is("XREAD") || is("XREADGROUP")) && has_block())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands() {
        for stateful in ["MULTI", "multi", "BLPOP", "Select"] {
            assert!(is_stateful(stateful, || false), "{stateful}");
        }
        for shared in ["GET", "EVALSHA", "XADD", "XREADGROUP"] {
            assert!(!is_stateful(shared, || false), "{shared}");
        }
        assert!(is_stateful("xreadgroup", || true));
        assert!(STATEFUL.is_sorted());
    }
}
