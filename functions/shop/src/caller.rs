//! For whom a request acts: the users that it names, as far as its caller may name them. Who the caller is:
//! `guest::caller`.

use contract::api::identity;
use domain::order::Actor;
use domain::{Rejection, Role, User};
use guest::{Call, Caller};

/// The user whose orders are those of requests that name nobody and have no token.
const GUEST: &str = "guest";

/// The user that the request names in `field`.
///
/// # Errors
/// Where `text` names none.
pub fn user(field: &str, text: &str) -> Result<User, Rejection> {
    identity::user(text).map_err(|reason| Rejection::invalid(field, reason))
}

/// The user that a request is about: named in its body or its query, in the body's spelling, else the caller, if that
/// is a user. `None`: orders of everybody.
///
/// # Errors
/// Where body and query name different users, or one whom the caller may not act for.
pub fn named(in_body: Option<User>, call: &Call) -> Result<Option<User>, Rejection> {
    let named = match (in_body, query(call)?) {
        (Some(body), Some(query)) if body.id != query.id => {
            let reason = "is another user in the query than in the body";
            return Err(Rejection::invalid("user_id", reason));
        }
        (body, query) => body.or(query),
    };
    call.caller.acting_for(named)
}

/// The user that the query names as `user_id`, else the caller, if that is a user.
///
/// # Errors
/// Where a value names no user, two name different ones, or the caller may not act for it.
pub fn in_query(call: &Call) -> Result<Option<User>, Rejection> {
    call.caller.acting_for(query(call)?)
}

/// The user that the query names as `user_id`, in the first spelling. An empty value is refused: ignored, it would
/// stand for everybody.
fn query(call: &Call) -> Result<Option<User>, Rejection> {
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

/// The user that a path names.
///
/// # Errors
/// Where `text` names none, or the caller may not act for it.
pub fn in_path(text: &str, call: &Call) -> Result<User, Rejection> {
    let named = user("userId", text)?;
    let acting = call.caller.acting_for(Some(named.clone()))?;
    Ok(acting.unwrap_or(named))
}

/// The buyer of an order: the user that the request names, else the caller; without a token the guest, whom all such
/// requests share. A machine is nobody's guest.
///
/// # Errors
/// As [`named`], and where a machine names nobody.
pub fn buyer(in_body: Option<User>, call: &Call) -> Result<User, Rejection> {
    match (somebody(in_body, call)?, &call.caller) {
        (Some(user), _) => Ok(user),
        (None, Caller::Machine { .. }) => Err(nobody()),
        (None, _) => user("user_id", GUEST),
    }
}

/// The buyer in a flash sale, who must be somebody: its limits are by user, and guests would share one.
///
/// # Errors
/// As [`named`], and where nobody is known.
pub fn known_buyer(in_body: Option<User>, call: &Call) -> Result<User, Rejection> {
    somebody(in_body, call)?.ok_or_else(nobody)
}

fn nobody() -> Rejection {
    Rejection::invalid("user_id", "is required")
}

fn somebody(in_body: Option<User>, call: &Call) -> Result<Option<User>, Rejection> {
    let named = named(in_body, call)?;
    Ok(named.or_else(|| match &call.caller {
        Caller::Known { user, .. } => Some(user.clone()),
        Caller::Anyone | Caller::Machine { .. } | Caller::Trusted { .. } => None,
    }))
}

/// The user that a gRPC message names, where 0 names nobody, else the caller, if that is a user.
///
/// # Errors
/// Where nobody is known, or one is named whom the caller may not act for.
pub fn in_message(user_id: i64, caller: &Caller) -> Result<User, Rejection> {
    let named = match (user_id, caller) {
        (0, Caller::Known { .. }) => None,
        _ => Some(contract::api::order::call::user(user_id)?),
    };
    let acting = caller.acting_for(named)?;
    acting.ok_or_else(nobody)
}

/// Who acts through the back office's route, which sets a status.
pub fn back_office() -> Actor {
    Actor::Admin
}

/// Who acts through the routes that cancel and pay: a shopper or a payment provider, or the back office there.
pub fn actor(caller: &Caller) -> Actor {
    match caller.role() {
        Role::User | Role::Provider | Role::Ops => Actor::User,
        Role::Admin => Actor::Admin,
    }
}
