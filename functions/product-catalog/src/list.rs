//! Lists of products with their stock, from the database.

use super::product::Product;
use super::statement::{self, Place};
use contract::api::page::at_least;
use contract::api::product::SaleStatus;
use contract::api::product::cursor::{self, List};
use domain::limits::PRODUCT_NAME_CHARS_MAX;
use domain::{ProductId, Rejection};
use guest::Fault;
use guest::config::Config;
use guest::mysql::Db;
use shop::inventory::shown as stock;
use shop::list_budget::{Budget, Json};

/// A list as JSON.
#[derive(Debug)]
pub struct Found {
    pub products: Vec<Json>,
    /// How many there are on all pages; `None` behind a cursor.
    pub total: Option<u64>,
    /// Cursor of the products after these; `None` where there are none.
    pub next: Option<String>,
    /// The most bytes that the reply may have.
    pub bytes: usize,
}

/// A part of a name to look for.
pub fn search_term(text: Option<String>) -> Result<Option<String>, Rejection> {
    match text {
        Some(text) if text.chars().count() > PRODUCT_NAME_CHARS_MAX => Err(Rejection::invalid(
            "search",
            format!("has more than {PRODUCT_NAME_CHARS_MAX} characters"),
        )),
        text => Ok(text),
    }
}

/// Products from a place in their list on, the largest id first.
pub async fn list(
    config: &Config,
    list: List<'_>,
    place: Place,
    trace_id: &str,
) -> Result<Found, Fault> {
    let db = Db::at(&config.inventory_url);
    // One more row than is shown says whether there are more.
    let statement = statement::list(list, place);
    let read = |row| Product::read(&row);
    let mut products = db.read(&statement.text, statement.values, read).await?;
    let more = products.len() > place.size() as usize;
    products.truncate(place.size() as usize);
    let last = products.last().filter(|_| more);
    let next = last.map(|last| cursor::behind(last.id, list));
    let total = match place {
        Place::Page(page) => {
            let least = at_least(page.offset(), products.len()) + u64::from(more);
            Some(count(db, list).await?.max(least))
        }
        Place::Behind { .. } => None,
    };
    let budget = Budget::of_page();
    let products = with_stock(config, products, &budget, trace_id).await?;
    Ok(Found {
        products,
        total,
        next,
        bytes: budget.bytes(),
    })
}

async fn count(db: Db<'_>, list: List<'_>) -> Result<u64, Fault> {
    let statement = statement::count(list);
    let rows = db.query(&statement.text, statement.values).await?;
    let row = rows.first();
    row.ok_or_else(|| Fault::Internal("COUNT(*) gave no row".to_owned()))?
        .u64(0)
}

/// The named products that exist, in the order in which they are named.
pub async fn of_ids(
    config: &Config,
    ids: &[ProductId],
    sale: SaleStatus,
    trace_id: &str,
) -> Result<Found, Fault> {
    let mut products = {
        let db = Db::at(&config.inventory_url);
        let statement = statement::products(ids);
        let read = |row| Product::read(&row);
        db.read(&statement.text, statement.values, read).await?
    };
    products.retain(|product| product.sale == sale);
    products.sort_by_key(|product| ids.iter().position(|id| *id == product.id));
    let budget = Budget::of_ids();
    let products = with_stock(config, products, &budget, trace_id).await?;
    Ok(Found {
        products,
        total: None,
        next: None,
        bytes: budget.bytes(),
    })
}

async fn with_stock(
    config: &Config,
    products: Vec<Product>,
    budget: &Budget,
    trace_id: &str,
) -> Result<Vec<Json>, Fault> {
    let ids: Vec<ProductId> = products.iter().map(|product| product.id).collect();
    let stock = stock::of_products(config, &ids, trace_id).await?;
    let render = |product: Product| {
        let stock = stock.get(&product.id).map_or(&[][..], Vec::as_slice);
        budget.render(&product.view(stock))
    };
    products.into_iter().map(render).collect()
}
