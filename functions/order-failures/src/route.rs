//! What a path asks for.

use domain::Rejection;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    List,
    One(&'a str),
    Retry(&'a str),
}

pub fn of<'a>(method: &str, path: &[&'a str]) -> Result<Action<'a>, Rejection> {
    let rest = path
        .strip_prefix(&["api", "v1", "failures"])
        .ok_or(Rejection::NoRoute)?;
    let (found, wanted): (Action, &str) = match rest {
        [] => (Action::List, "GET"),
        [id] => (Action::One(id), "GET"),
        [id, "retry"] => (Action::Retry(id), "POST"),
        _ => return Err(Rejection::NoRoute),
    };
    if method == wanted {
        Ok(found)
    } else {
        Err(Rejection::MethodNotAllowed)
    }
}
