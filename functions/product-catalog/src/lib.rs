//! The catalogue and its stock: read by everybody, many at a time; written when a product is created. The stock shown
//! is what can still be reserved; it may lag behind the stock that decides an order.

mod create;
mod product;
mod reply;
mod route;
mod statement;
mod stock;

use contract::api::page::{self, Page};
use contract::api::product::{CreateProductRequest, SaleStatus, product_id};
use contract::wire::cache;
use domain::{ProductId, Rejection, SkuId};
use guest::config::config;
use guest::{Call, Fault, Reply};
use product::Sale;
use route::{Action, Shape};

guest::http_function!(answer);

async fn answer(mut call: Call) -> Result<Reply, Fault> {
    let segments = call.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (action, shape) = route::of(call.method(), &segments)?;
    match action {
        Action::Create => {
            let draft = CreateProductRequest::parse(&call.json_body().await?)?;
            let created = create::create(config().await?, draft, &call.trace_id).await?;
            // No cached reply shows it: that it did not exist is an error, which is not cached.
            Ok(reply::created(created)?.stale([cache::PRODUCTS]))
        }
        Action::List => list(&call, shape).await,
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
        Action::Inventory(id) => {
            let id = known_form(id)?;
            let sku = match call.query("sku_id") {
                Some(text) => {
                    Some(SkuId(text.parse().map_err(|_| {
                        Rejection::invalid("sku_id", "must be a whole number")
                    })?))
                }
                None => None,
            };
            let stock = stock::of_products(config().await?, &[id], &call.trace_id).await?;
            fresh(&call, id, reply::inventory(id, sku, stock.get(&id)))
        }
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
    product_id("product_id", text)
}

async fn list(call: &Call, shape: Shape) -> Result<Reply, Fault> {
    let query = |name: &str| call.query(name);
    let page = Page::parse(&query)?;
    let sale = match call.query("status").as_deref() {
        None => Sale::Only(SaleStatus::OnSale),
        Some("all") => Sale::Any,
        Some(text) => Sale::Only(SaleStatus::parse(text)?),
    };
    let search = product::search_term(call.query("search"))?;
    let found = product::list(config().await?, sale, search, page, &call.trace_id).await?;
    Ok(reply::products(shape, found, page)?.fresh(call, [cache::PRODUCTS]))
}

/// The named products in the order they were named, as far as they are on sale; without names the newest.
async fn recommend(call: &Call) -> Result<Reply, Fault> {
    let query = |name: &str| call.query(name);
    let (page, config) = (Page::parse(&query)?, config().await?);
    let ids = page::ids(&call.query_all("ids"))?;
    let on_sale = Sale::Only(SaleStatus::OnSale);
    let found = if ids.is_empty() {
        product::list(config, on_sale, None, page, &call.trace_id).await?
    } else {
        let ids: Vec<ProductId> = ids.into_iter().map(ProductId).collect();
        product::of_ids(config, &ids, on_sale, &call.trace_id).await?
    };
    Ok(reply::recommended(found)?.fresh(call, [cache::PRODUCTS]))
}
