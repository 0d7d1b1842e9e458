//! The sample products of a new platform, created through the API.

use crate::console;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;

const GOODS: &str = include_str!("catalogue.json");
const WITHIN: Duration = Duration::from_secs(10);

/// Name and value of a request header.
pub type Header = (&'static str, String);

/// Creates each product, as the back office: `admin` gives the header that says so, if there is one. Those of an
/// earlier run are left as they are. A shop with other products, as in somebody's own database, gets none.
///
/// # Errors
/// When the API refuses one that does not exist yet.
pub fn offer(api: SocketAddr, admin: impl FnOnce() -> Result<Option<Header>>) -> Result<()> {
    let goods: Vec<Value> = serde_json::from_str(GOODS).context("catalogue.json")?;
    console::step("sample catalogue", |_| {
        if has_others(&on_sale(api)?, &goods) {
            return Ok(());
        }
        match admin()? {
            Some(admin) => goods
                .iter()
                .try_for_each(|product| post(api, &admin, product)),
            None => {
                console::line("  no sample products: the user admin has another password here");
                Ok(())
            }
        }
    })
}

fn on_sale(api: SocketAddr) -> Result<Value> {
    let mut response = ureq::get(format!("http://{api}/api/v1/products"))
        .config()
        .timeout_global(Some(WITHIN))
        .build()
        .call()
        .context("the API lists no products")?;
    Ok(response.body_mut().read_json()?)
}

/// Whether a page lists a product that is not in the sample.
fn has_others(page: &Value, sample: &[Value]) -> bool {
    let products = page["products"].as_array().into_iter().flatten();
    let mut names = products.map(|product| &product["name"]);
    names.any(|name| sample.iter().all(|ours| ours["name"] != *name))
}

fn post(api: SocketAddr, (name, value): &Header, product: &Value) -> Result<()> {
    let mut response = ureq::post(format!("http://{api}/api/v1/products"))
        .config()
        .timeout_global(Some(WITHIN))
        .http_status_as_error(false)
        .build()
        .header(*name, value)
        .send_json(product)
        .context("the API does not take products")?;
    match response.status().as_u16() {
        200..=299 | 409 => Ok(()),
        status => {
            let body = response.body_mut().read_to_string().unwrap_or_default();
            bail!("product {} is refused with {status}: {body}", product["id"])
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_shop_with_goods_of_its_own_is_known() {
        let page = |names: &[&str]| {
            let products: Vec<_> = names.iter().map(|name| json!({ "name": name })).collect();
            json!({ "products": products })
        };
        let sample = [json!({ "name": "tea" }), json!({ "name": "cup" })];
        assert!(!has_others(&page(&[]), &sample));
        assert!(!has_others(&page(&["cup"]), &sample));
        assert!(has_others(&page(&["cup", "car"]), &sample));
    }

    #[test]
    fn the_goods_have_what_a_product_needs() {
        let goods: Vec<Value> = serde_json::from_str(GOODS).unwrap();
        assert_eq!(goods.len(), 8);
        for product in goods {
            assert!(
                product["id"].is_u64() && product["name"].is_string(),
                "{product}"
            );
            assert!(
                product["price"].is_number() && product["stock"].is_u64(),
                "{product}"
            );
            assert!(
                matches!(product["stock_mode"].as_str(), Some("redis" | "db")),
                "{product}"
            );
        }
    }
}
