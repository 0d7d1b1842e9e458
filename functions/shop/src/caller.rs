//! Who the caller is: the only place that decides it. There is no login: the user that a request names is trusted, so
//! everything listens on loopback only. A request that names nobody is a guest's.

use contract::api::identity;
use domain::order::Actor;
use domain::{Rejection, User};
use guest::Call;

/// The user whose orders are those of requests that name nobody.
const GUEST: &str = "guest";

/// The user that the request names in `field`.
///
/// # Errors
/// Where `text` names none.
pub fn user(field: &str, text: &str) -> Result<User, Rejection> {
    identity::user(text).map_err(|reason| Rejection::invalid(field, reason))
}

/// The user that a request names in its body or its query, in the body's spelling; `None` where it names nobody.
///
/// # Errors
/// Where body and query name different users.
pub fn named(in_body: Option<User>, call: &Call) -> Result<Option<User>, Rejection> {
    match (in_body, in_query(call)?) {
        (Some(body), Some(query)) if body.id != query.id => {
            let reason = "is another user in the query than in the body";
            Err(Rejection::invalid("user_id", reason))
        }
        (body, query) => Ok(body.or(query)),
    }
}

/// The user that the query names as `user_id`, in the first spelling. An empty value is refused: ignored, it would
/// stand for everybody.
///
/// # Errors
/// Where a value names no user, or two name different ones.
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

/// The buyer of an order: the user that the request names, else the guest, whom all such requests share.
///
/// # Errors
/// As [`named`].
pub fn buyer(in_body: Option<User>, call: &Call) -> Result<User, Rejection> {
    match named(in_body, call)? {
        Some(user) => Ok(user),
        None => user("user_id", GUEST),
    }
}

/// The buyer in a flash sale, who must be somebody: its limits are by user, and guests would share one.
///
/// # Errors
/// As [`named`], and where the request names nobody.
pub fn known_buyer(in_body: Option<User>, call: &Call) -> Result<User, Rejection> {
    named(in_body, call)?.ok_or_else(|| Rejection::invalid("user_id", "is required"))
}

/// Who acts through the back office's route, which sets a status.
pub fn back_office() -> Actor {
    Actor::Admin
}

/// Who acts through the shop's own routes, which cancel and pay.
pub fn shopper() -> Actor {
    Actor::User
}
