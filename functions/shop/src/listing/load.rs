//! The orders of a page as JSON, from one shard. Items are read in pieces, and an order becomes JSON after its last
//! item, so that neither all rows nor all orders of a page are held at once. Orders that left the filter are left out.

use super::filter::Filter;
use super::render;
use super::statement;
use crate::list_budget::{Budget, Json};
use crate::order_row;
use domain::limits::ITEMS_MAX;
use domain::{Order, OrderId};
use guest::Fault;
use guest::mysql::{Db, Row};
use guest::shape::Shape;
use std::collections::BTreeMap;

/// Items of one query: enough for most pages, and few enough to notice early that a page is too large.
const ITEMS_AT_ONCE: u32 = 256;
const _: () = assert!(ITEMS_AT_ONCE as usize > ITEMS_MAX);

/// An order of the page, in the shape of the reply.
pub type Rendered = (OrderId, Json);

/// The orders that match the filter when they are read, in no order.
///
/// # Errors
/// Where the shard is away, or the page is over the budget.
pub async fn load(
    db: Db<'_>,
    mut ids: Vec<OrderId>,
    filter: &Filter,
    shape: Shape,
    budget: &Budget,
) -> Result<Vec<Rendered>, Fault> {
    ids.sort_unstable();
    let orders = statement::orders(&ids);
    let read = |row: Row| order_row::order(&row).map(|order| (order.id, order));
    let orders = db.read(&orders.text, orders.values, read).await?;
    let mut page = Page {
        waiting: orders.into_iter().collect(),
        rendered: Vec::with_capacity(ids.len()),
        reading: None,
        items: 0,
        filter,
        shape,
        budget,
    };
    let mut rest = &ids[..];
    loop {
        // Items of the first order that are read already.
        let offset = match page.reading {
            Some(_) => page.items,
            None => 0,
        };
        let items = statement::items(rest, ITEMS_AT_ONCE, offset);
        let read = db.read(&items.text, items.values, |row| page.take(&row));
        let rows = read.await?.len();
        let (true, Some(reading)) = (rows >= ITEMS_AT_ONCE as usize, page.reading) else {
            break;
        };
        // Another shard may have found it too large.
        budget.check()?;
        rest = &rest[rest.partition_point(|id| *id < reading)..];
    }
    page.finish()
}

struct Page<'a> {
    /// Orders whose items have not all been read.
    waiting: BTreeMap<OrderId, Order>,
    rendered: Vec<Rendered>,
    /// The order whose items are being read, and how many were.
    reading: Option<OrderId>,
    items: u32,
    filter: &'a Filter,
    shape: Shape,
    budget: &'a Budget,
}

impl Page<'_> {
    fn take(&mut self, row: &Row) -> Result<(), Fault> {
        let (id, item) = order_row::item(row, 0)?;
        let id = OrderId::new(id).ok_or_else(|| Fault::Internal(format!("{id} is no order id")))?;
        if self.reading != Some(id) {
            if let Some(before) = self.reading.replace(id) {
                self.render(before)?;
            }
            self.items = 0;
        }
        self.items += 1;
        if let Some(order) = self.waiting.get_mut(&id) {
            order.items.push(item);
        }
        Ok(())
    }

    fn render(&mut self, id: OrderId) -> Result<(), Fault> {
        let order = self.waiting.remove(&id);
        if let Some(order) = order.filter(|order| self.filter.takes(order)) {
            let json = render(self.shape, &order, self.budget)?;
            self.rendered.push((id, json));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Rendered>, Fault> {
        while let Some((id, _)) = self.waiting.first_key_value() {
            self.render(*id)?;
        }
        Ok(self.rendered)
    }
}
