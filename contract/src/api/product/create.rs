//! Creates a product with its stock.

use super::{SKUS_MAX, SaleStatus, product_id, sku_id, text};
use crate::api::amount::Amount;
use crate::api::body::Object;
use crate::api::identity::IdText;
use crate::api::whole::Whole;
use domain::limits::QUANTITY_MAX;
use domain::{Cents, ProductId, Rejection, SkuId, StockMode};
use serde::Deserialize;
use std::collections::HashSet;

/// Body that creates a product. Its stock is one number (`stock`) or a list by variant (`skus`).
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateProductRequest {
    /// 1 to 9007199254740991; assigned where absent.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::ProductText>))]
    id: Option<IdText>,
    /// 1 to 200 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = true, min_length = 1, max_length = 200, pattern = r"\S"))]
    name: Option<String>,
    /// Path or URL, up to 500 characters.
    #[cfg_attr(feature = "openapi", schema(max_length = 500))]
    image: Option<String>,
    /// Of one unit.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::openapi::AmountText, required = true))]
    price: Option<Amount>,
    /// Units of a product without variants; not together with `skus`.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>, minimum = 0, maximum = 2147483647))]
    stock: Option<Whole>,
    /// Units by variant, 1 to 100 of them; not together with `stock`.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<SkuStockRequest>>, min_items = 1, max_items = 100))]
    skus: Option<Vec<Object<SkuStockRequest>>>,
    /// Where units are reserved first: `redis` (default) or `db`.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::StockModeText>))]
    stock_mode: Option<String>,
    /// `on_sale` (default) or `off_sale`.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::SaleStatusText>))]
    status: Option<IdText>,
}

/// Units of one variant.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SkuStockRequest {
    /// A whole number below 2^62, once per product.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::openapi::SkuText, required = true))]
    sku_id: Option<IdText>,
    /// Units.
    #[cfg_attr(feature = "openapi", schema(value_type = i64, required = true, minimum = 0, maximum = 2147483647))]
    stock: Option<Whole>,
}

/// A product to create, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductDraft {
    /// `None`: to be assigned.
    pub id: Option<ProductId>,
    /// 1 to 200 characters.
    pub name: String,
    /// `None` where absent or empty.
    pub image: Option<String>,
    /// Of one unit.
    pub price: Cents,
    /// Units by sku; at least one, sku 0 where the product has no variants.
    pub stock: Vec<(SkuId, u32)>,
    /// Where units are reserved first.
    pub stock_mode: StockMode,
    /// Whether it can be ordered.
    pub sale: SaleStatus,
}

impl CreateProductRequest {
    /// Parses and checks a body.
    ///
    /// # Errors
    /// Where a field is not acceptable; the rejection names it.
    pub fn parse(bytes: &[u8]) -> Result<ProductDraft, Rejection> {
        let request: CreateProductRequest = crate::api::body::parse(bytes)?;
        request.into_draft()
    }

    fn into_draft(self) -> Result<ProductDraft, Rejection> {
        let id = match &self.id {
            Some(text) => Some(product_id("id", &text.0)?),
            None => None,
        };
        let name = text::name(self.name.unwrap_or_default())?;
        let image = text::image(self.image)?;
        let Amount(price) = self
            .price
            .ok_or_else(|| Rejection::invalid("price", "is required"))?;
        let stock_mode = match self.stock_mode.as_deref() {
            None => StockMode::default(),
            Some(mode) => StockMode::from_name(mode)
                .ok_or_else(|| Rejection::invalid("stock_mode", "must be redis or db"))?,
        };
        let sale = match &self.status {
            None => SaleStatus::default(),
            Some(text) => SaleStatus::parse(&text.0)?,
        };
        Ok(ProductDraft {
            id,
            name,
            image,
            price,
            stock: stock(self.stock, self.skus.as_deref())?,
            stock_mode,
            sale,
        })
    }
}

fn units(field: &str, stock: Option<Whole>) -> Result<u32, Rejection> {
    let Whole(units) = stock.ok_or_else(|| Rejection::invalid(field, "is required"))?;
    u32::try_from(units)
        .ok()
        .filter(|units| *units <= QUANTITY_MAX)
        .ok_or_else(|| Rejection::invalid(field, format!("must be from 0 to {QUANTITY_MAX}")))
}

fn stock(
    single: Option<Whole>,
    skus: Option<&[Object<SkuStockRequest>]>,
) -> Result<Vec<(SkuId, u32)>, Rejection> {
    let skus = match (single, skus) {
        (Some(_), Some(_)) => {
            return Err(Rejection::invalid("stock", "must not stand beside skus"));
        }
        (single, None) => return Ok(vec![(SkuId(0), units("stock", single)?)]),
        (None, Some(skus)) => skus,
    };
    if skus.is_empty() || skus.len() > SKUS_MAX {
        return Err(Rejection::invalid(
            "skus",
            format!("must have 1 to {SKUS_MAX} entries"),
        ));
    }
    let mut seen = HashSet::with_capacity(skus.len());
    let mut stock = Vec::with_capacity(skus.len());
    for (at, Object(sku)) in skus.iter().enumerate() {
        let field = format!("skus[{at}].sku_id");
        let id = sku
            .sku_id
            .as_ref()
            .ok_or_else(|| Rejection::invalid(&field, "is required"))?;
        let id = sku_id(&field, id)?;
        if !seen.insert(id) {
            return Err(Rejection::invalid(field, "repeats another entry's"));
        }
        stock.push((id, units(&format!("skus[{at}].stock"), sku.stock)?));
    }
    Ok(stock)
}

#[cfg(test)]
mod tests;
