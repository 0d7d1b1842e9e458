//! Which errors say that Redis is away, for its circuit breaker. All others are answers: it works, whatever it says
//! about a command.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Whether the error says that Redis is away: no connection, a broken one, silence, or that it serves nobody yet.
pub fn is_away(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown};
    match error.kind() {
        ErrorKind::Server(BusyLoading | ClusterDown | MasterDown) => true,
        ErrorKind::Server(_) => false,
        _ => error.is_io_error() || error.is_unrecoverable_error(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn what_redis_says_about_a_command_is_an_answer() {
        let said = |kind| RedisError::from((ErrorKind::Server(kind), "said"));
        for answer in [
            ServerErrorKind::ResponseError,
            ServerErrorKind::NoScript,
            ServerErrorKind::ReadOnly,
            ServerErrorKind::NoPerm,
        ] {
            assert!(!is_away(&said(answer)), "{answer:?}");
        }
        assert!(is_away(&said(ServerErrorKind::BusyLoading)));
        for kind in [
            io::ErrorKind::ConnectionRefused,
            io::ErrorKind::TimedOut,
            io::ErrorKind::BrokenPipe,
        ] {
            assert!(is_away(&io::Error::from(kind).into()), "{kind:?}");
        }
        let other = RedisError::from((ErrorKind::UnexpectedReturnType, "read"));
        assert!(!is_away(&other));
    }
}
