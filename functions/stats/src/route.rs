//! Which statistics a path asks for.

use domain::Rejection;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    Day,
    Dashboard,
    /// Of the user as the path spells it.
    User(&'a str),
}

pub fn of<'a>(method: &str, path: &[&'a str]) -> Result<Action<'a>, Rejection> {
    let found = match path {
        ["api", "v1", "stats", "orders"] => Action::Day,
        ["v1", "dashboard", "stats"] => Action::Dashboard,
        ["api", "v1", "users", user, "stats"] => Action::User(user),
        _ => return Err(Rejection::NoRoute),
    };
    if method == "GET" {
        Ok(found)
    } else {
        Err(Rejection::MethodNotAllowed)
    }
}
