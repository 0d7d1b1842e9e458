//! The catalogue and its stock: read by everybody, many at a time; created, restocked and changed by the back office.
//! The stock shown is what can still be reserved; it may lag behind the stock that decides an order.

mod create;
mod list;
mod patch;
mod product;
mod product_id;
mod reply;
mod route;
mod statement;
mod stock_change;

use contract::api::idempotency_key;
use contract::api::identity::IdText;
use contract::api::page::{self, Page, Parameters};
use contract::api::product::cursor::{self, List};
use contract::api::product::{CreateProductRequest, SaleStatus, product_id as id_of, sku_id};
use contract::wire::cache;
use domain::{ProductId, Rejection};
use guest::config::config;
use guest::{Call, Fault, Reply};
use route::{Action, Shape};
use shop::inventory::shown as stock;
use statement::Place;

guest::http_function!(answer);

async fn answer(mut call: Call) -> Result<Reply, Fault> {
    let segments = call.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (action, shape) = route::of(call.method(), &segments)?;
    match action {
        Action::Create => create_one(&mut call).await,
        Action::Patch(id) => patch::answer(&mut call, known_form(id)?).await,
        Action::ChangeStock(id) => stock_change::make(&mut call, known_form(id)?).await,
        Action::StockChanges(id) => {
            let id = known_form(id)?;
            let changes = stock_change::list(&call, id).await;
            fresh(&call, id, changes)
        }
        Action::List => list_page(&call, shape).await,
        Action::One(id) => {
            let id = known_form(id)?;
            let product = product::find(config().await?, id, &call.trace_id).await?;
            fresh(&call, id, reply::product(shape, product))
        }
        Action::Stock(id) => {
            let id = known_form(id)?;
            let product = product::find(config().await?, id, &call.trace_id).await?;
            fresh(&call, id, reply::stock_of(&product))
        }
        Action::Recommend => recommend(&call).await,
        Action::Inventory(id) => inventory(&call, known_form(id)?).await,
        Action::Inventories => {
            let ids = page::ids(&call.query_all("ids"))?;
            let ids: Vec<ProductId> = ids.into_iter().map(ProductId).collect();
            let stock = stock::of_products(config().await?, &ids, &call.trace_id).await?;
            Ok(reply::inventories(&ids, &stock)?.fresh(&call, [cache::PRODUCTS]))
        }
    }
}

fn fresh(call: &Call, id: ProductId, reply: Result<Reply, Fault>) -> Result<Reply, Fault> {
    Ok(reply?.fresh(call, [cache::product(id).as_str()]))
}

/// The product's id; other text is refused.
fn known_form(text: &str) -> Result<ProductId, Rejection> {
    id_of("product_id", text)
}

async fn create_one(call: &mut Call) -> Result<Reply, Fault> {
    let instead = "with an id of its own, a product is created once";
    idempotency_key::none(&call.header_lines("idempotency-key"), instead)?;
    let draft = CreateProductRequest::parse(&call.json_body().await?)?;
    let created = create::create(config().await?, draft, &call.trace_id).await?;
    // No cached reply shows it: that it did not exist is an error, which is not cached.
    Ok(reply::created(created)?.stale([cache::PRODUCTS]))
}

async fn inventory(call: &Call, id: ProductId) -> Result<Reply, Fault> {
    let sku = call.query("sku_id").map(IdText);
    let sku = sku.map(|text| sku_id("sku_id", &text)).transpose()?;
    let stock = stock::of_products(config().await?, &[id], &call.trace_id).await?;
    fresh(call, id, reply::inventory(id, sku, stock.get(&id)))
}

async fn list_page(call: &Call, shape: Shape) -> Result<Reply, Fault> {
    let query = |name: &str| call.query(name);
    let page = Page::parse(&query)?;
    let sale = match call.query("status").as_deref() {
        None => Some(SaleStatus::OnSale),
        Some("all") => None,
        Some(text) => Some(SaleStatus::parse(text)?),
    };
    let search = list::search_term(call.query("search"))?;
    let wanted = List {
        sale,
        search: search.as_deref(),
    };
    let place = place(&query, wanted, page)?;
    let found = list::list(config().await?, wanted, place, &call.trace_id).await?;
    Ok(reply::products(shape, found, place)?.fresh(call, [cache::PRODUCTS]))
}

/// Behind the cursor, or the page.
fn place(query: &impl Parameters, list: List<'_>, page: Page) -> Result<Place, Rejection> {
    match query.first("cursor") {
        None => Ok(Place::Page(page)),
        Some(_) if query.first("page").is_some() => {
            Err(Rejection::invalid("page", "must not stand beside cursor"))
        }
        Some(cursor) => Ok(Place::Behind {
            product: cursor::read(&cursor, list)?,
            size: page.size,
        }),
    }
}

/// The named products in the order they were named, as far as they are on sale; without names those with the largest
/// ids.
async fn recommend(call: &Call) -> Result<Reply, Fault> {
    let query = |name: &str| call.query(name);
    let (page, config) = (Page::parse(&query)?, config().await?);
    let ids = page::ids(&call.query_all("ids"))?;
    let found = if ids.is_empty() {
        let on_sale = List {
            sale: Some(SaleStatus::OnSale),
            search: None,
        };
        list::list(config, on_sale, Place::Page(page), &call.trace_id).await?
    } else {
        let ids: Vec<ProductId> = ids.into_iter().map(ProductId).collect();
        list::of_ids(config, &ids, SaleStatus::OnSale, &call.trace_id).await?
    };
    Ok(reply::recommended(found)?.fresh(call, [cache::PRODUCTS]))
}
