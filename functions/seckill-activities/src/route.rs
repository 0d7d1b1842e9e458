//! What a path asks for, and of which flash sale. Literal segments come before ids.

use domain::Rejection;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    Announce,
    List,
    One(&'a str),
    Preheat,
}

pub fn of<'a>(method: &str, path: &[&'a str]) -> Result<Action<'a>, Rejection> {
    let read = method == "GET";
    let (action, allowed) = match path {
        ["api", "v1", "seckill", "activities"] if read => (Action::List, true),
        ["api", "v1", "seckill", "activities"] => (Action::Announce, method == "POST"),
        ["api", "v1", "seckill", "activities", id] => (Action::One(id), read),
        ["api", "v1", "seckill", "preheat"] => (Action::Preheat, method == "POST"),
        _ => return Err(Rejection::NoRoute),
    };
    if allowed {
        Ok(action)
    } else {
        Err(Rejection::MethodNotAllowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path() {
        let at = |method: &str, path: &'static str| {
            let path = format!("api/v1/seckill/{path}").leak();
            of(method, &path.split('/').collect::<Vec<_>>())
        };
        for (method, path, action) in [
            ("POST", "activities", Action::Announce),
            ("GET", "activities", Action::List),
            ("GET", "activities/1-3", Action::One("1-3")),
            ("POST", "preheat", Action::Preheat),
        ] {
            assert_eq!(at(method, path), Ok(action), "{path}");
        }
        for (method, path) in [("PUT", "activities"), ("POST", "activities/1-3")] {
            assert_eq!(at(method, path), Err(Rejection::MethodNotAllowed), "{path}");
        }
        assert_eq!(at("POST", "token"), Err(Rejection::NoRoute));
    }
}
