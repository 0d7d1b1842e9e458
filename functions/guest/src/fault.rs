//! Why a request could not be served: because of the caller, a backend or ourselves.

use contract::api::problem::Problem;
use domain::Rejection;

/// Failure of a request.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fault {
    /// The caller's own; not logged.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// A backend is away, slow or refused for now. The text is for the log, never for the caller.
    #[error("{backend} is unavailable: {reason}")]
    Unavailable {
        /// `mysql`, `redis`, `elasticsearch`, `relay` or `payment provider`.
        backend: &'static str,
        /// Its own error text, or what did not happen.
        reason: String,
    },
    /// Something that should not be. The text is for the log, never for the caller.
    #[error("{0}")]
    Internal(String),
}

impl Fault {
    /// What the caller learns of it: only a rejection keeps its text.
    pub fn problem(&self) -> Problem {
        match self {
            Fault::Rejected(rejection) => Problem::from(rejection.clone()),
            Fault::Unavailable { .. } => Problem::unavailable(),
            Fault::Internal(_) => Problem::internal(),
        }
    }
}
