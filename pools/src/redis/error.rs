//! Why a command has no reply, in the cases and texts that components know from Spin.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// The cases of `spin:redis`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The address is malformed, or not allowed.
    #[error("invalid address")]
    InvalidAddress,
    /// Too many addresses, commands in flight, or private connections.
    #[error("too many connections")]
    TooManyConnections,
    /// The reply is of another type than was asked for.
    #[error("unexpected type of reply")]
    TypeError,
    /// Redis refused, or is away.
    #[error("{0}")]
    Other(String),
}

/// With the texts of Spin's host, whose older driver names the kinds differently.
impl From<&RedisError> for Error {
    fn from(error: &RedisError) -> Self {
        let detail = error.detail().unwrap_or_default();
        match error.kind() {
            ErrorKind::UnexpectedReturnType => Self::TypeError,
            ErrorKind::Server(kind) => {
                let name = server_error_name(kind);
                Self::Other(format!(
                    "An error was signalled by the server - {name}: {detail}"
                ))
            }
            ErrorKind::Extension => {
                let code = error.code().unwrap_or_default();
                Self::Other(format!("{code}: {detail}"))
            }
            _ => Self::Other(error.to_string()),
        }
    }
}

fn server_error_name(kind: ServerErrorKind) -> String {
    match kind {
        ServerErrorKind::ResponseError => "ResponseError".to_owned(),
        ServerErrorKind::NoScript => "NoScriptError".to_owned(),
        ServerErrorKind::ExecAbort => "ExecAbortError".to_owned(),
        ServerErrorKind::BusyLoading => "BusyLoadingError".to_owned(),
        other => format!("{other:?}"),
    }
}
