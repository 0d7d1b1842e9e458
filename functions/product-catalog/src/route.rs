//! Which read or write of the catalogue a path asks for. Literal segments come before ids.

use domain::Rejection;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `/api/v1` and `/v1`: the bare object with its code.
    Bare,
    /// `/products`: `{code, message, data}`.
    Envelope,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    List,
    One(&'a str),
    /// Only the number.
    Stock(&'a str),
    Recommend,
    Create,
    Patch(&'a str),
    ChangeStock(&'a str),
    StockChanges(&'a str),
    /// Available and locked units of one product or sku.
    Inventory(&'a str),
    /// A map of stock by product.
    Inventories,
}

pub fn of<'a>(method: &str, path: &[&'a str]) -> Result<(Action<'a>, Shape), Rejection> {
    let read = method == "GET";
    let (action, shape) = match path {
        ["api", "v1", "products"] if method == "POST" => return Ok((Action::Create, Shape::Bare)),
        ["api", "v1", "products", id] if method == "PATCH" => {
            return Ok((Action::Patch(id), Shape::Bare));
        }
        ["api", "v1", "products", id, "stock"] => {
            return match method {
                "POST" => Ok((Action::ChangeStock(id), Shape::Bare)),
                _ => Err(Rejection::MethodNotAllowed),
            };
        }
        ["api", "v1", "products", id, "stock", "changes"] => {
            (Action::StockChanges(id), Shape::Bare)
        }
        ["api", "v1", "products"] => (Action::List, Shape::Bare),
        ["api", "v1", "products", id] => (Action::One(id), Shape::Bare),
        ["products"] => (Action::List, Shape::Envelope),
        ["products", "recommend"] => (Action::Recommend, Shape::Envelope),
        ["products", id] => (Action::One(id), Shape::Envelope),
        ["products", id, "stock"] => (Action::Stock(id), Shape::Envelope),
        ["v1", "inventory"] => (Action::Inventories, Shape::Bare),
        ["v1", "inventory", id] => (Action::Inventory(id), Shape::Bare),
        _ => return Err(Rejection::NoRoute),
    };
    if read {
        Ok((action, shape))
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
            let segments: Vec<&str> = path.split('/').collect();
            of(method, &segments)
        };
        for (method, path, action, shape) in [
            ("GET", "api/v1/products", Action::List, Shape::Bare),
            ("POST", "api/v1/products", Action::Create, Shape::Bare),
            ("GET", "api/v1/products/7", Action::One("7"), Shape::Bare),
            (
                "PATCH",
                "api/v1/products/7",
                Action::Patch("7"),
                Shape::Bare,
            ),
            (
                "POST",
                "api/v1/products/7/stock",
                Action::ChangeStock("7"),
                Shape::Bare,
            ),
            (
                "GET",
                "api/v1/products/7/stock/changes",
                Action::StockChanges("7"),
                Shape::Bare,
            ),
            ("GET", "products", Action::List, Shape::Envelope),
            (
                "GET",
                "products/recommend",
                Action::Recommend,
                Shape::Envelope,
            ),
            ("GET", "products/7", Action::One("7"), Shape::Envelope),
            (
                "GET",
                "products/7/stock",
                Action::Stock("7"),
                Shape::Envelope,
            ),
            ("GET", "v1/inventory", Action::Inventories, Shape::Bare),
            ("GET", "v1/inventory/7", Action::Inventory("7"), Shape::Bare),
        ] {
            assert_eq!(at(method, path), Ok((action, shape)), "{path}");
        }
        assert_eq!(at("DELETE", "products/7"), Err(Rejection::MethodNotAllowed));
        for (method, path) in [
            ("POST", "products"),
            ("PATCH", "products/7"),
            ("GET", "api/v1/products/7/stock"),
            ("POST", "api/v1/products/7/stock/changes"),
        ] {
            assert_eq!(at(method, path), Err(Rejection::MethodNotAllowed), "{path}");
        }
        assert_eq!(at("GET", "products/7/price"), Err(Rejection::NoRoute));
    }
}
