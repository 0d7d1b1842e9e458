//! Who the caller is: the one place that decides it. For now the request's own word is trusted,
//! and everything listens on loopback only.

use crate::Call;
use contract::identity;
use domain::order::Actor;
use domain::{Rejection, User};

/// The user named by the request in `field`.
pub fn user(field: &str, text: &str) -> Result<User, Rejection> {
    identity::user(text).map_err(|reason| Rejection::invalid(field, reason))
}

/// The user a request names, in its body before its query; `None` where it names nobody.
pub fn named(in_body: Option<User>, call: &Call) -> Result<Option<User>, Rejection> {
    match (in_body, call.query("user_id")) {
        (Some(user), _) => Ok(Some(user)),
        (None, Some(text)) => user("user_id", &text).map(Some),
        (None, None) => Ok(None),
    }
}

/// In whose name a status is set through the back office's routes.
pub fn back_office() -> Actor {
    Actor::Admin
}

/// In whose name a shop's own routes cancel, pay and confirm.
pub fn shopper() -> Actor {
    Actor::User
}
