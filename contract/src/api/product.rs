//! HTTP bodies about products and their stock.

use crate::api::amount::Amount;
use crate::api::identity::IdText;
use domain::id::SALE_SKU_BIT;
use domain::limits::{PRODUCT_IMAGE_CHARS_MAX, PRODUCT_NAME_CHARS_MAX, QUANTITY_MAX};
use domain::{Cents, ProductId, Rejection, SkuId, StockMode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashSet};

/// Variants one product may have.
pub const SKUS_MAX: usize = 100;
/// Largest product id: the largest number that JSON readers with doubles keep exactly.
pub const PRODUCT_ID_MAX: u64 = (1 << 53) - 1;

/// Body that creates a product. Its stock is one number (`stock`) or a list by variant (`skus`).
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateProductRequest {
    /// 1 to 9007199254740991; assigned where absent.
    id: Option<IdText>,
    /// 1 to 200 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = true, max_length = 200))]
    name: Option<String>,
    /// Path or URL, up to 500 characters.
    #[cfg_attr(feature = "openapi", schema(max_length = 500))]
    image: Option<String>,
    /// Of one unit.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::openapi::AmountText, required = true))]
    price: Option<Amount>,
    /// Units of a product without variants; not together with `skus`.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 2147483647))]
    stock: Option<i64>,
    /// Units by variant, 1 to 100 of them; not together with `stock`.
    skus: Option<Vec<SkuStockRequest>>,
    /// Where units are reserved first: `redis` (default) or `db`.
    stock_mode: Option<String>,
    /// `on_sale` (default) or `off_sale`.
    status: Option<IdText>,
}

/// Units of one variant.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SkuStockRequest {
    /// A whole number below 2^62, once per product.
    #[cfg_attr(feature = "openapi", schema(value_type = IdText, required = true))]
    sku_id: Option<IdText>,
    /// Units.
    #[cfg_attr(feature = "openapi", schema(value_type = i64, required = true, minimum = 0, maximum = 2147483647))]
    stock: Option<i64>,
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

domain::coded! {
    /// Whether a product can be ordered.
    #[derive(Default)]
    pub enum SaleStatus {
        /// Can be read, not ordered.
        OffSale = 0, "off_sale";
        /// Can be ordered.
        #[default]
        OnSale = 1, "on_sale";
    }
}

impl SaleStatus {
    /// Reads the name or the stored number.
    ///
    /// # Errors
    /// Where it is neither.
    pub fn parse(text: &str) -> Result<SaleStatus, Rejection> {
        SaleStatus::from_name_or_code(text)
            .ok_or_else(|| Rejection::invalid("status", "must be on_sale or off_sale"))
    }
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
        let name = self.name.unwrap_or_default();
        if name.trim().is_empty() || name.chars().count() > PRODUCT_NAME_CHARS_MAX {
            return Err(Rejection::invalid(
                "name",
                format!("must have 1 to {PRODUCT_NAME_CHARS_MAX} characters"),
            ));
        }
        let image = self.image.filter(|image| !image.is_empty());
        if image
            .as_ref()
            .is_some_and(|image| image.chars().count() > PRODUCT_IMAGE_CHARS_MAX)
        {
            return Err(Rejection::invalid(
                "image",
                format!("has more than {PRODUCT_IMAGE_CHARS_MAX} characters"),
            ));
        }
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

/// A product id as it stands in a path or body. `field`: named where it is wrong.
///
/// # Errors
/// Where it is no whole number from 1 to [`PRODUCT_ID_MAX`].
pub fn product_id(field: &str, text: &str) -> Result<ProductId, Rejection> {
    IdText(text.to_owned())
        .number()
        .filter(|id| (1..=PRODUCT_ID_MAX).contains(id))
        .map(ProductId)
        .ok_or_else(|| {
            Rejection::invalid(
                field,
                format!("must be a whole number from 1 to {PRODUCT_ID_MAX}"),
            )
        })
}

fn units(field: &str, stock: Option<i64>) -> Result<u32, Rejection> {
    stock
        .ok_or_else(|| Rejection::invalid(field, "is required"))
        .map(u32::try_from)?
        .ok()
        .filter(|units| *units <= QUANTITY_MAX)
        .ok_or_else(|| Rejection::invalid(field, format!("must be from 0 to {QUANTITY_MAX}")))
}

fn stock(
    single: Option<i64>,
    skus: Option<&[SkuStockRequest]>,
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
    for (at, sku) in skus.iter().enumerate() {
        let field = format!("skus[{at}].sku_id");
        let id = sku
            .sku_id
            .as_ref()
            .ok_or_else(|| Rejection::invalid(&field, "is required"))?
            .number()
            .filter(|sku| *sku < SALE_SKU_BIT)
            .map(SkuId)
            .ok_or_else(|| Rejection::invalid(&field, "must be a whole number below 2^62"))?;
        if !seen.insert(id) {
            return Err(Rejection::invalid(field, "repeats another entry's"));
        }
        stock.push((id, units(&format!("skus[{at}].stock"), sku.stock)?));
    }
    Ok(stock)
}

/// A product with its stock.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProductView {
    /// Decimal text.
    pub id: String,
    /// 1 to 200 characters.
    pub name: String,
    /// Path or URL; null where there is none.
    pub image: Option<String>,
    /// Of one unit, outside flash sales.
    pub price: Amount,
    /// Units that can be ordered now, over all variants; without those set aside for flash sales.
    pub stock: u64,
    /// By variant; absent where the product has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skus: Vec<SkuView>,
    /// `on_sale` or `off_sale`.
    #[cfg_attr(feature = "openapi", schema(example = "on_sale"))]
    pub status: &'static str,
    /// Where units are reserved first: `redis` or `db`.
    #[cfg_attr(feature = "openapi", schema(example = "redis"))]
    pub stock_mode: &'static str,
    /// Milliseconds UTC.
    pub updated_at: u64,
}

/// Stock of one variant.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SkuView {
    /// Decimal text.
    pub sku_id: String,
    /// Units that can be ordered now.
    pub stock: u64,
}

/// One product, its fields at the top level of the reply.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProductReply {
    /// Always 10000.
    pub code: u32,
    /// Its fields are at the top level of the reply.
    #[serde(flatten)]
    pub product: ProductView,
}

/// A page of products.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Products {
    /// Always 10000.
    pub code: u32,
    /// Newest first; empty past the end.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<ProductView>))]
    pub products: Vec<Box<RawValue>>,
    /// Products that match, on all pages.
    pub total: u64,
    /// Counted from 1.
    pub page: u32,
    /// Products per page, as asked for.
    pub page_size: u32,
}

/// A page of products in `data`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvelopeProducts {
    /// Newest first; empty past the end.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<ProductView>))]
    pub products: Vec<Box<RawValue>>,
    /// Products that match, on all pages.
    pub total: u64,
    /// Counted from 1.
    pub page: u32,
    /// Products per page, as asked for.
    pub page_size: u32,
}

/// Stock of a product in `data`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvelopeStock {
    /// Decimal text.
    pub product_id: String,
    /// Units that can be ordered now, over all variants.
    pub stock: u64,
}

/// Stock of a product, or of one of its variants.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StockReply {
    /// Always 10000.
    pub code: u32,
    /// Decimal text.
    pub product_id: String,
    /// The variant asked for; null for all of them together.
    pub sku_id: Option<String>,
    /// Units that can be ordered now.
    pub available_stock: u64,
    /// Units reserved for orders that are not paid.
    pub locked_stock: u64,
}

/// Stock by product id; an unknown product has 0.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StockMap {
    /// Always 10000.
    pub code: u32,
    /// Units that can be ordered now, by product id.
    pub stock: BTreeMap<String, u64>,
}

#[cfg(test)]
mod tests;
