//! Which read a path asks for, and in which system's shape. `/orders` and `/api/v1/orders` themselves belong to
//! create-order, as routes do not depend on the method. Literal segments come before ids.

use domain::Rejection;
use guest::shape::Shape;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// By Snowflake, order number or UUID.
    One(&'a str),
    /// Of the user in the path, else of the user in the query, else of everybody.
    List(Option<&'a str>),
    Search,
}

pub fn of<'a>(method: &str, path: &[&'a str]) -> Result<(Action<'a>, Shape), Rejection> {
    let found = match path {
        ["v1", "order", "list"] => (Action::List(None), Shape::V1),
        ["v1", "order", "search"] => (Action::Search, Shape::V1),
        ["v1", "order", id] => (Action::One(id), Shape::V1),
        ["api", "v1", "orders", id] => (Action::One(id), Shape::Api),
        ["api", "v1", "users", user, "orders"] => (Action::List(Some(user)), Shape::Api),
        ["orders", id] => (Action::One(id), Shape::Envelope),
        _ => return Err(Rejection::NoRoute),
    };
    if method == "GET" {
        Ok(found)
    } else {
        Err(Rejection::MethodNotAllowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path() {
        let get = |path: &'static str| {
            let segments: Vec<&str> = path.split('/').collect();
            of("GET", &segments)
        };
        for (path, action, shape) in [
            ("v1/order/list", Action::List(None), Shape::V1),
            ("v1/order/search", Action::Search, Shape::V1),
            ("v1/order/12", Action::One("12"), Shape::V1),
            ("api/v1/orders/12", Action::One("12"), Shape::Api),
            ("api/v1/users/7/orders", Action::List(Some("7")), Shape::Api),
            ("orders/12", Action::One("12"), Shape::Envelope),
        ] {
            assert_eq!(get(path), Ok((action, shape)), "{path}");
        }
        for path in ["", "v1/order", "v1/order/12/items", "api/v1/users/7"] {
            assert_eq!(get(path), Err(Rejection::NoRoute), "{path}");
        }
        assert_eq!(
            of("POST", &["orders", "1"]),
            Err(Rejection::MethodNotAllowed)
        );
    }
}
