//! Who the caller is: the one place that decides it. For now the request's own word is trusted,
//! and everything listens on loopback only.

use contract::api::identity;
use domain::order::Actor;
use domain::{Rejection, User};
use guest::Call;

/// The user named by the request in `field`.
pub fn user(field: &str, text: &str) -> Result<User, Rejection> {
    identity::user(text).map_err(|reason| Rejection::invalid(field, reason))
}

/// The user a request names, in its body or its query; `None` where it names nobody. In both, it must be the same: the
/// body's spelling is kept.
pub fn named(in_body: Option<User>, call: &Call) -> Result<Option<User>, Rejection> {
    match (in_body, in_query(call)?) {
        (Some(body), Some(query)) if body.id != query.id => {
            let reason = "is another user in the query than in the body";
            Err(Rejection::invalid("user_id", reason))
        }
        (body, query) => Ok(body.or(query)),
    }
}

/// The user a request's query names. An empty name is none, and refused: dropped, it would stand for everybody.
pub fn in_query(call: &Call) -> Result<Option<User>, Rejection> {
    let mut named: Option<User> = None;
    for text in call.query_all("user_id") {
        let other = user("user_id", &text)?;
        match &named {
            Some(first) if first.id != other.id => {
                return Err(Rejection::invalid("user_id", "names several users"));
            }
            Some(_) => {}
            None => named = Some(other),
        }
    }
    Ok(named)
}

/// In whose name a status is set through the back office's routes.
pub fn back_office() -> Actor {
    Actor::Admin
}

/// In whose name a shop's own routes cancel, pay and confirm.
pub fn shopper() -> Actor {
    Actor::User
}
