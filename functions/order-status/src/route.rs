//! Which change a method and path ask for.

use domain::{OrderId, Rejection};

#[derive(Debug, PartialEq, Eq)]
pub enum Route {
    Pay { id: OrderId },
    PaymentCallback,
    SetStatus { id: OrderId },
}

impl Route {
    pub fn of(method: &str, segments: &[String]) -> Result<Route, Rejection> {
        let order = |text: &str| {
            OrderId::parse(text).ok_or_else(|| Rejection::UnknownOrder(text.to_owned()))
        };
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (wanted, route) = match segments[..] {
            [.., "payment", "callback"] => ("POST", Route::PaymentCallback),
            [.., id, "pay"] => ("POST", Route::Pay { id: order(id)? }),
            [.., id, "status"] => ("PUT", Route::SetStatus { id: order(id)? }),
            _ => return Err(Rejection::NoRoute),
        };
        if method == wanted {
            Ok(route)
        } else {
            Err(Rejection::MethodNotAllowed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_and_paths() {
        let of = |method: &str, path: &str| {
            Route::of(
                method,
                &path.split('/').map(str::to_owned).collect::<Vec<_>>(),
            )
        };
        let id = OrderId::new(77).unwrap();
        assert_eq!(of("POST", "v1/order/77/pay"), Ok(Route::Pay { id }));
        assert_eq!(
            of("POST", "v1/payment/callback"),
            Ok(Route::PaymentCallback)
        );
        assert_eq!(
            of("PUT", "api/v1/orders/77/status"),
            Ok(Route::SetStatus { id })
        );
        assert_eq!(
            of("GET", "v1/order/77/pay"),
            Err(Rejection::MethodNotAllowed)
        );
        assert_eq!(of("POST", "v1/order/77"), Err(Rejection::NoRoute));
    }
}
