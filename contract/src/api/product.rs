//! HTTP bodies about products and their stock.

mod create;
pub mod cursor;
mod patch;
mod stock_change;
mod text;
mod view;

pub use create::{CreateProductRequest, ProductDraft, SkuStockRequest};
pub use patch::{PatchProductRequest, ProductPatch};
pub use stock_change::{
    StockChangeDraft, StockChangeReply, StockChangeRequest, StockChangeView, StockChanges,
};
pub use view::{
    EnvelopeProducts, EnvelopeStock, ProductReply, ProductView, Products, SkuView, StockMap,
    StockReply,
};

use crate::api::identity::IdText;
use domain::id::SALE_SKU_BIT;
use domain::{ProductId, Rejection, SkuId};

/// Variants one product may have.
pub const SKUS_MAX: usize = 100;
/// Largest product id: the largest number that JSON readers with doubles keep exactly.
pub const PRODUCT_ID_MAX: u64 = (1 << 53) - 1;

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

/// A variant's id as it stands in a body or query; never a flash sale's. `field`: named where it is wrong.
///
/// # Errors
/// Where it is no whole number below 2^62.
pub fn sku_id(field: &str, text: &IdText) -> Result<SkuId, Rejection> {
    text.number()
        .filter(|sku| *sku < SALE_SKU_BIT)
        .map(SkuId)
        .ok_or_else(|| Rejection::invalid(field, "must be a whole number below 2^62"))
}
