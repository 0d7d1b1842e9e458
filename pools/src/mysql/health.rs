//! Which errors say that a database is away, for its circuit breaker. All others are answers: the server works,
//! whatever it says about a statement.

use super::pool::TakeError;
use mysql_async::{DriverError, Error};

/// Errors of a server that takes nobody: shutting down (1053, 1079), no connections left (1040, 1203), this host
/// blocked (1129). Those of the wire as the server saw it are 1152 to 1161.
const OF_THE_SERVER: [u16; 5] = [1040, 1053, 1079, 1129, 1203];

/// Whether the error of a statement says that the server is away.
pub fn is_away(error: &Error) -> bool {
    match error {
        Error::Server(error) => {
            OF_THE_SERVER.contains(&error.code) || (1152..=1161).contains(&error.code)
        }
        Error::Io(_) | Error::Driver(DriverError::ConnectionClosed) => true,
        // What the caller asked for, or how the driver understood it.
        Error::Driver(_) | Error::Other(_) | Error::Url(_) => false,
    }
}

/// Whether there is no session because the server is away. A pool that is exhausted asked no server.
pub fn is_away_of_take(error: &TakeError) -> bool {
    match error {
        TakeError::Timeout(_) => true,
        TakeError::Refused(error) => is_away(error),
        TakeError::Exhausted(_) | TakeError::Lost | TakeError::Away(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mysql_async::{IoError, ServerError};
    use std::io;

    fn server(code: u16) -> Error {
        Error::Server(ServerError {
            code,
            message: String::new(),
            state: String::new(),
        })
    }

    #[test]
    fn what_a_server_says_about_a_statement_is_an_answer() {
        // Duplicate key, NULL refused, lock wait, deadlock, syntax, no such table, interrupted, killed, read only,
        // access denied, no such database, idle for too long.
        for code in [
            1062, 1048, 1205, 1213, 1064, 1146, 1317, 1927, 1290, 1045, 1049, 4031,
        ] {
            assert!(!is_away(&server(code)), "{code}");
        }
        for code in [1040, 1053, 1129, 1152, 1161, 1203] {
            assert!(is_away(&server(code)), "{code}");
        }
    }

    #[test]
    fn a_broken_connection_and_silence_are_none() {
        let reset = || Error::Io(IoError::Io(io::ErrorKind::ConnectionReset.into()));
        assert!(is_away(&reset()));
        assert!(is_away(&Error::Driver(DriverError::ConnectionClosed)));
        assert!(!is_away(&Error::Driver(DriverError::StmtParamsMismatch {
            required: 1,
            supplied: 2
        })));
        assert!(is_away_of_take(&TakeError::Refused(reset())));
        assert!(is_away_of_take(&TakeError::Timeout(String::new())));
        assert!(!is_away_of_take(&TakeError::Refused(server(1045))));
        assert!(!is_away_of_take(&TakeError::Exhausted(String::new())));
    }
}
