//! A cached order in Redis, written and read by functions and relay.

use crate::api::order::OrderView;
use domain::{Order, UserId};

/// Value of the Redis key of an order: `<version> <user_id>\n<order on /v1>`. Version 0 without an order means that
/// there is none; the first version of any order replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedOrder {
    /// The order's; 0 where no such order exists.
    pub version: u32,
    /// Its buyer; 0 where no such order exists.
    pub user: UserId,
    /// The order on `/v1`; `None` where no such order exists.
    pub json: Option<String>,
}

impl CachedOrder {
    /// Cached for an id that names no order.
    pub const ABSENT: &'static str = "0 0\n";

    /// `None` where the bytes are not of this format: the cache is then treated as empty.
    pub fn parse(value: Vec<u8>) -> Option<CachedOrder> {
        let mut text = String::from_utf8(value).ok()?;
        let (head, _) = text.split_once('\n')?;
        let (version, user) = head.split_once(' ')?;
        let (version, user) = (version.parse().ok()?, UserId::new(user.parse().ok()?));
        let json = text.split_off(head.len() + 1);
        Some(CachedOrder {
            version,
            user,
            json: (version > 0).then_some(json),
        })
    }

    /// The value for an order.
    ///
    /// # Errors
    /// Where it cannot be serialized.
    pub fn render(order: &Order) -> serde_json::Result<String> {
        let json = OrderView::from(order).json()?;
        Ok(CachedOrder::value(order, &json))
    }

    /// The value for an order whose JSON on `/v1` exists already.
    pub fn value(order: &Order, json: &str) -> String {
        format!("{} {}\n{json}", order.version, order.user.id.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::order::sample;

    #[test]
    fn entries_read_back() {
        let order = sample::order();
        let value = CachedOrder::render(&order).unwrap();
        let cached = CachedOrder::parse(value.into_bytes()).unwrap();
        assert_eq!((cached.version, cached.user), (1, order.user.id));
        assert_eq!(cached.json, Some(OrderView::from(&order).json().unwrap()));
        let absent = CachedOrder::parse(CachedOrder::ABSENT.into()).unwrap();
        assert_eq!((absent.version, absent.json), (0, None));
        for bad in [&b""[..], b"1 2", b"x 1\n{}", b"1\n{}", b"\xff 1\n"] {
            assert_eq!(CachedOrder::parse(bad.to_vec()), None, "{bad:?}");
        }
    }
}
