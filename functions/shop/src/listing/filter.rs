//! Which orders a listing or a search is about, and which shards can hold them.

use crate::caller;
use contract::api::page::{self, Edge, Parameters};
use contract::api::product::product_id;
use contract::wire::cache;
use domain::{Ms, Order, OrderId, ProductId, Rejection, ShardCount, Status, User};

/// All conditions hold together; what is absent does not limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub user: Option<User>,
    pub status: Option<Status>,
    pub order: Option<OrderId>,
    pub product: Option<ProductId>,
    /// Created at this moment or later.
    pub from: Option<Ms>,
    /// Created before this moment.
    pub to: Option<Ms>,
}

/// What a listing or a search may be given once; `user_id` may be repeated in other spellings.
pub const PARAMETERS: [&str; 10] = [
    "status",
    "from",
    "to",
    "order_no",
    "order_id",
    "id",
    "product_id",
    "page",
    "page_size",
    "pageSize",
];

impl Filter {
    /// Of a listing: the user of the path or the one `named` in the query, `status`, `from`, `to`.
    pub fn of_list(
        path: Option<&str>,
        named: Option<User>,
        query: &impl Parameters,
    ) -> Result<Filter, Rejection> {
        let owner = path.map(|text| caller::user("userId", text)).transpose()?;
        if owner
            .as_ref()
            .zip(named.as_ref())
            .is_some_and(|(owner, named)| owner.id != named.id)
        {
            return Err(Rejection::invalid(
                "user_id",
                "is another user than the path's",
            ));
        }
        let from = page::moment(query, "from", Edge::Start)?;
        let to = page::moment(query, "to", Edge::End)?;
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            return Err(Rejection::invalid("to", "is not after from"));
        }
        Ok(Filter {
            user: owner.or(named),
            status: page::status(query)?,
            order: None,
            product: None,
            from,
            to,
        })
    }

    /// Of a search: those of a listing, `order_no` (or `id`, `order_id`) and `product_id`.
    pub fn of_search(named: Option<User>, query: &impl Parameters) -> Result<Filter, Rejection> {
        let mut filter = Filter::of_list(None, named, query)?;
        for name in ["order_no", "order_id", "id"] {
            let Some(text) = query.first(name) else {
                continue;
            };
            let order =
                OrderId::parse(&text).ok_or_else(|| Rejection::invalid(name, "names no order"))?;
            if filter.order.is_some_and(|other| other != order) {
                return Err(Rejection::invalid(name, "names another order"));
            }
            filter.order = Some(order);
        }
        filter.product = match query.first("product_id") {
            Some(text) => Some(product_id("product_id", &text)?),
            None => None,
        };
        Ok(filter)
    }

    /// Whether an order, with its items, is one of these.
    pub fn takes(&self, order: &Order) -> bool {
        let of_product = |product| order.items.iter().any(|item| item.product == product);
        self.user
            .as_ref()
            .is_none_or(|user| user.id == order.user.id)
            && self.status.is_none_or(|status| status == order.status)
            && self.order.is_none_or(|id| id == order.id)
            && self.product.is_none_or(of_product)
            && self.from.is_none_or(|from| order.created_at >= from)
            && self.to.is_none_or(|to| order.created_at < to)
    }

    /// What a list of these is part of: of the user's own, where it names one.
    pub fn group(&self) -> String {
        match &self.user {
            Some(user) => cache::user(user.id),
            None => cache::ORDERS.to_owned(),
        }
    }

    /// Indices of the shards that can hold such orders; none where the conditions exclude each other.
    pub fn shards(&self, count: ShardCount) -> Vec<usize> {
        let of_user = self.user.as_ref().map(|user| user.id.gene());
        let of_order = self.order.map(OrderId::gene);
        match (of_user, of_order) {
            (Some(user), Some(order)) if user != order => Vec::new(),
            (Some(gene), _) | (None, Some(gene)) => vec![count.shard_of(gene)],
            (None, None) => (0..count.get()).collect(),
        }
    }

    /// Whether the number of such orders is bounded by one user's: then it is counted to the end.
    pub fn is_of_one_user(&self) -> bool {
        self.user.is_some() || self.order.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Amounts, Cents, OrderItem, SkuId, StockMode};

    fn query(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    fn user(text: &str) -> Option<User> {
        Some(caller::user("user_id", text).unwrap())
    }

    #[test]
    fn users_of_path_and_query() {
        let path = Filter::of_list(Some("user_7"), user("7"), &query(&[])).unwrap();
        assert_eq!(path.user.unwrap().shown(), "user_7");
        assert!(Filter::of_list(Some("user_7"), user("8"), &query(&[])).is_err());
        let named = Filter::of_list(None, user("8"), &query(&[("status", "paid")])).unwrap();
        assert_eq!(named.status, Some(Status::Paid));
        assert_eq!(named.user.unwrap().id.get(), 8);
        let of = |pairs| Filter::of_list(None, None, &query(pairs));
        assert!(Filter::of_list(Some("0"), None, &query(&[])).is_err());
        assert!(of(&[("status", "gone")]).is_err());
        assert!(of(&[("from", "2024-02-02"), ("to", "2024-02-01")]).is_err());
        assert!(of(&[("from", "2024-02-02"), ("to", "2024-02-02")]).is_ok());
    }

    #[test]
    fn shards_follow_the_gene() {
        let two = ShardCount::new(2).unwrap();
        let of = |named, pairs| {
            let filter = Filter::of_search(named, &query(pairs)).unwrap();
            filter.shards(two)
        };
        assert_eq!(of(None, &[]), [0, 1]);
        assert_eq!(of(user("7"), &[]), [1]);
        // Gene 123: odd.
        assert_eq!(of(None, &[("order_no", "7202123782")]), [1]);
        assert_eq!(of(user("123"), &[("id", "7202123782")]), [1]);
        assert!(of(user("124"), &[("id", "7202123782")]).is_empty());
        assert_eq!(of(None, &[("product_id", "3")]), [0, 1]);
        for bad in [
            &[("order_no", "x")][..],
            &[("product_id", "0")],
            &[("order_no", "7202123782"), ("id", "7202123783")],
        ] {
            assert!(Filter::of_search(None, &query(bad)).is_err(), "{bad:?}");
        }
    }

    fn order() -> Order {
        let owner = user("7").unwrap();
        let id = OrderId::compose(4096, owner.id.gene()).unwrap();
        let price = Cents::new(100).unwrap();
        let item = OrderItem {
            product: ProductId(3),
            sku: SkuId(0),
            name: "Cup".to_owned(),
            image: None,
            price,
            quantity: 1,
            subtotal: price,
            stock_mode: StockMode::Redis,
        };
        Order::pending(id, owner, vec![item], Amounts::undiscounted(price), 1000)
    }

    #[test]
    fn an_order_is_taken_where_every_condition_holds() {
        let order = order();
        let whole = Filter {
            user: Some(order.user.clone()),
            status: Some(order.status),
            order: Some(order.id),
            product: Some(order.items[0].product),
            from: Some(order.created_at),
            to: Some(order.created_at + 1),
        };
        assert!(Filter::default().takes(&order) && whole.takes(&order));
        let other = [
            Filter {
                user: user("12345"),
                ..whole.clone()
            },
            Filter {
                status: Some(Status::Failed),
                ..whole.clone()
            },
            Filter {
                order: OrderId::new(9),
                ..whole.clone()
            },
            Filter {
                product: Some(ProductId(u64::MAX)),
                ..whole.clone()
            },
            Filter {
                from: Some(order.created_at + 1),
                ..whole.clone()
            },
            Filter {
                to: Some(order.created_at),
                ..whole.clone()
            },
        ];
        for filter in other {
            assert!(!filter.takes(&order), "{filter:?}");
        }
    }
}
