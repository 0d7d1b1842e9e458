//! Which orders a listing or a search is about, and which shards can hold them.

use crate::caller;
use contract::cache;
use contract::page::{self, Edge, Parameters};
use contract::product::product_id;
use domain::{Ms, OrderId, ProductId, Rejection, ShardCount, Status, User};

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

impl Filter {
    /// Of a listing: the user of the path or of `user_id`, `status`, `from`, `to`.
    pub fn of_list(user: Option<&str>, query: &impl Parameters) -> Result<Filter, Rejection> {
        let (field, named) = match user {
            Some(user) => ("userId", Some(user.to_owned())),
            None => ("user_id", query.first("user_id")),
        };
        let user = named.map(|text| caller::user(field, &text)).transpose()?;
        let from = page::moment(query, "from", Edge::Start)?;
        let to = page::moment(query, "to", Edge::End)?;
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            return Err(Rejection::invalid("to", "is not after from"));
        }
        Ok(Filter {
            user,
            status: page::status(query)?,
            order: None,
            product: None,
            from,
            to,
        })
    }

    /// Of a search: those of a listing, `order_no` (or `id`, `order_id`) and `product_id`.
    pub fn of_search(query: &impl Parameters) -> Result<Filter, Rejection> {
        let mut filter = Filter::of_list(None, query)?;
        for name in ["order_no", "order_id", "id"] {
            if let Some(text) = query.first(name) {
                let order = OrderId::parse(&text)
                    .ok_or_else(|| Rejection::invalid(name, "names no order"))?;
                filter.order = Some(order);
                break;
            }
        }
        filter.product = match query.first("product_id") {
            Some(text) => Some(product_id("product_id", &text)?),
            None => None,
        };
        Ok(filter)
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

    fn query(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    #[test]
    fn users_of_path_and_query() {
        let path = Filter::of_list(Some("user_7"), &query(&[("user_id", "8")])).unwrap();
        assert_eq!(path.user.unwrap().id.get(), 7);
        let named = Filter::of_list(None, &query(&[("user_id", "8"), ("status", "paid")])).unwrap();
        assert_eq!(named.status, Some(Status::Paid));
        assert_eq!(named.user.unwrap().id.get(), 8);
        assert!(Filter::of_list(Some("0"), &query(&[])).is_err());
        assert!(Filter::of_list(None, &query(&[("status", "gone")])).is_err());
        let backwards = [("from", "2024-02-02"), ("to", "2024-02-01")];
        assert!(Filter::of_list(None, &query(Box::leak(Box::new(backwards)))).is_err());
        let one_day = [("from", "2024-02-02"), ("to", "2024-02-02")];
        assert!(Filter::of_list(None, &query(Box::leak(Box::new(one_day)))).is_ok());
    }

    #[test]
    fn shards_follow_the_gene() {
        let two = ShardCount::new(2).unwrap();
        let of = |pairs| Filter::of_search(&query(pairs)).unwrap().shards(two);
        assert_eq!(of(&[]), [0, 1]);
        assert_eq!(of(&[("user_id", "7")]), [1]);
        // Gene 123: odd.
        assert_eq!(of(&[("order_no", "7202123782")]), [1]);
        assert_eq!(of(&[("id", "7202123782"), ("user_id", "123")]), [1]);
        assert!(of(&[("id", "7202123782"), ("user_id", "124")]).is_empty());
        assert_eq!(of(&[("product_id", "3")]), [0, 1]);
        for bad in [&[("order_no", "x")], &[("product_id", "0")]] {
            assert!(Filter::of_search(&query(bad)).is_err());
        }
    }
}
