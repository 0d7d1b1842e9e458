//! The replies of the catalogue, in the shape of the route.

use super::list::Found;
use super::route::Shape;
use super::statement::Place;
use contract::api::order::Envelope;
use contract::api::order::envelope::{PRODUCT_FOUND, PRODUCTS_FOUND, RECOMMENDED, STOCK_FOUND};
use contract::api::page::Page;
use contract::api::problem::Code;
use contract::api::product::{
    EnvelopeProducts, EnvelopeStock, ProductReply, ProductView, Products, StockChangeReply,
    StockChangeView, StockChanges, StockMap, StockReply,
};
use domain::{ProductId, Rejection, SkuId};
use guest::{Fault, Reply};
use shop::inventory::shown::SkuStock;
use std::collections::HashMap;

const CODE: u32 = Code::Success.number();

pub fn product(shape: Shape, product: ProductView) -> Result<Reply, Fault> {
    match shape {
        Shape::Bare => Reply::of(
            200,
            &ProductReply {
                code: CODE,
                product,
            },
        ),
        Shape::Envelope => Reply::of(200, &Envelope::success(PRODUCT_FOUND, product)),
    }
}

pub fn created(product: ProductView) -> Result<Reply, Fault> {
    let location = format!("/api/v1/products/{}", product.id);
    let reply = Reply::of(
        201,
        &ProductReply {
            code: CODE,
            product,
        },
    )?;
    Ok(reply.with("location", location))
}

pub fn products(shape: Shape, found: Found, place: Place) -> Result<Reply, Fault> {
    let Found {
        products,
        total,
        next: next_cursor,
        bytes,
    } = found;
    let page_size = place.size();
    let page = match place {
        Place::Page(page) => Some(page.number),
        Place::Behind { .. } => None,
    };
    match shape {
        Shape::Bare => {
            let list = Products {
                code: CODE,
                products,
                total,
                page,
                page_size,
                next_cursor,
            };
            Reply::list(&list, bytes)
        }
        Shape::Envelope => {
            let data = EnvelopeProducts {
                products,
                total,
                page,
                page_size,
                next_cursor,
            };
            Reply::list(&Envelope::success(PRODUCTS_FOUND, data), bytes)
        }
    }
}

pub fn stock_change(change: StockChangeView) -> Result<Reply, Fault> {
    Reply::of(200, &StockChangeReply { code: CODE, change })
}

pub fn stock_changes(
    changes: Vec<StockChangeView>,
    total: u64,
    page: Page,
) -> Result<Reply, Fault> {
    let (page, page_size) = (page.number, page.size);
    let list = StockChanges {
        code: CODE,
        changes,
        total,
        page,
        page_size,
    };
    Reply::of(200, &list)
}

pub fn recommended(found: Found) -> Result<Reply, Fault> {
    Reply::list(&Envelope::success(RECOMMENDED, found.products), found.bytes)
}

pub fn stock_of(product: &ProductView) -> Result<Reply, Fault> {
    let data = EnvelopeStock {
        product_id: product.id.clone(),
        stock: product.stock,
    };
    Reply::of(200, &Envelope::success(STOCK_FOUND, data))
}

/// One sku, or all of the product's together.
pub fn inventory(
    id: ProductId,
    sku: Option<SkuId>,
    stock: Option<&Vec<SkuStock>>,
) -> Result<Reply, Fault> {
    let all = stock.ok_or(Rejection::UnknownProduct(id))?;
    let wanted: Vec<&SkuStock> = all
        .iter()
        .filter(|entry| sku.is_none_or(|sku| sku == entry.sku))
        .collect();
    if let (Some(sku), true) = (sku, wanted.is_empty()) {
        return Err(Rejection::UnknownSku { product: id, sku }.into());
    }
    Reply::of(
        200,
        &StockReply {
            code: CODE,
            product_id: id.0.to_string(),
            sku_id: sku.map(|sku| sku.0.to_string()),
            available_stock: wanted.iter().map(|entry| entry.available).sum(),
            locked_stock: wanted.iter().map(|entry| entry.locked).sum(),
        },
    )
}

pub fn inventories(
    ids: &[ProductId],
    stock: &HashMap<ProductId, Vec<SkuStock>>,
) -> Result<Reply, Fault> {
    let units = |id: &ProductId| -> u64 {
        let skus = stock.get(id).map_or(&[][..], Vec::as_slice);
        skus.iter().map(|entry| entry.available).sum()
    };
    let stock = ids.iter().map(|id| (id.0.to_string(), units(id))).collect();
    Reply::of(200, &StockMap { code: CODE, stock })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(reply: Result<Reply, Fault>) -> String {
        String::from_utf8(reply.unwrap().body).unwrap()
    }

    #[test]
    fn stock_of_one_and_of_many() {
        let (id, unknown) = (ProductId(7), ProductId(9));
        let entry = |sku, available, locked| SkuStock {
            sku: SkuId(sku),
            available,
            locked,
        };
        let rows = vec![entry(1, 5, 1), entry(2, 6, 2)];
        assert_eq!(
            body(inventory(id, None, Some(&rows))),
            r#"{"code":10000,"product_id":"7","sku_id":null,"available_stock":11,"locked_stock":3}"#
        );
        assert_eq!(
            body(inventory(id, Some(SkuId(2)), Some(&rows))),
            r#"{"code":10000,"product_id":"7","sku_id":"2","available_stock":6,"locked_stock":2}"#
        );
        assert!(inventory(id, Some(SkuId(3)), Some(&rows)).is_err());
        assert!(inventory(unknown, None, None).is_err());
        assert_eq!(
            body(inventories(&[id, unknown], &HashMap::from([(id, rows)]))),
            r#"{"code":10000,"stock":{"7":11,"9":0}}"#
        );
    }
}
