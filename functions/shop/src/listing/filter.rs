//! Which orders a listing or a search is about, and which shards can hold them.

use contract::api::page::{self, Edge, Parameters};
use contract::api::product::product_id;
use contract::wire::cache;
use domain::{Ms, Order, OrderId, ProductId, Rejection, ShardCount, Status, User};

/// Conditions that hold together; one that is `None` does not limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The buyer; compared by id.
    pub user: Option<User>,
    /// Current state.
    pub status: Option<Status>,
    /// This order only.
    pub order: Option<OrderId>,
    /// With a line of this product.
    pub product: Option<ProductId>,
    /// Created at this moment or later.
    pub from: Option<Ms>,
    /// Created before this moment.
    pub to: Option<Ms>,
}

/// What callers take for `user_id`.
const OTHER_NAMES: [&str; 8] = [
    "user",
    "users",
    "userid",
    "userids",
    "uid",
    "buyer",
    "buyer_id",
    "customer_id",
];

/// Refuses a parameter that is meant to be `user_id`: ignored, it would let the list show everybody's orders.
///
/// # Errors
/// Where there is one; it is named.
pub fn check_names(mut names: impl Iterator<Item = String>) -> Result<(), Rejection> {
    match names.find(|name| OTHER_NAMES.contains(&name.as_str())) {
        Some(name) => Err(Rejection::invalid(
            name,
            "is not known; a user is named by user_id",
        )),
        None => Ok(()),
    }
}

impl Filter {
    /// Of a listing: `owner`, the user of the path, or the one `named` in the query, `status`, `from`, `to`.
    ///
    /// # Errors
    /// Where a value cannot be read, the two users differ, or `to` is not after `from`.
    pub fn of_list(
        owner: Option<User>,
        named: Option<User>,
        query: &impl Parameters,
    ) -> Result<Filter, Rejection> {
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

    /// Of a search: as a listing, and `order_no` (or `id`, `order_id`) and `product_id`.
    ///
    /// # Errors
    /// As for a listing, and where the parameters name different orders.
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

    /// Whether an order, with its items, meets all conditions.
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

    /// Cache group of such lists: that of the user's lists, or of everybody's.
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

    /// Whether all such orders are of one user: then they are counted without a limit.
    pub fn is_of_one_user(&self) -> bool {
        self.user.is_some() || self.order.is_some()
    }
}

#[cfg(test)]
mod tests;
