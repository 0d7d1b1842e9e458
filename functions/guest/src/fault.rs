//! Why a request could not be served: the caller's part, a backend's, or ours.

use contract::api::problem::Problem;
use domain::Rejection;

#[derive(Clone, Debug, thiserror::Error)]
pub enum Fault {
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// A backend is away, slow or refused for now. The text is for the log, never for the caller.
    #[error("{backend} is unavailable: {reason}")]
    Unavailable {
        backend: &'static str,
        reason: String,
    },
    /// Something that should not be: for the log.
    #[error("{0}")]
    Internal(String),
}

impl Fault {
    pub fn problem(&self) -> Problem {
        match self {
            Fault::Rejected(rejection) => Problem::from(rejection.clone()),
            Fault::Unavailable { .. } => Problem::unavailable(),
            Fault::Internal(_) => Problem::internal(),
        }
    }
}
