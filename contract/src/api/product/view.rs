//! Products and their stock as replies show them.

use crate::api::amount::Amount;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

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
    /// The largest id first; empty past the end.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<ProductView>))]
    pub products: Vec<Box<RawValue>>,
    /// Products that match, on all pages; absent where `cursor` was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Counted from 1; absent where `cursor` was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Products per page, as asked for.
    pub page_size: u32,
    /// To be sent as `cursor` for the products after these; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A page of products in `data`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvelopeProducts {
    /// The largest id first; empty past the end.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<ProductView>))]
    pub products: Vec<Box<RawValue>>,
    /// Products that match, on all pages; absent where `cursor` was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Counted from 1; absent where `cursor` was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Products per page, as asked for.
    pub page_size: u32,
    /// To be sent as `cursor` for the products after these; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
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
mod tests {
    use super::*;
    use crate::api::product::SaleStatus;
    use domain::{Cents, StockMode};

    #[test]
    fn a_reply_is_the_bare_product_with_its_code() {
        let product = ProductView {
            id: "1".into(),
            name: "Cup".into(),
            image: None,
            price: Amount(Cents::new(950).unwrap()),
            stock: 3,
            skus: vec![],
            status: SaleStatus::OnSale.name(),
            stock_mode: StockMode::Redis.name(),
            updated_at: 5,
        };
        assert_eq!(
            serde_json::to_string(&ProductReply {
                code: 10000,
                product
            })
            .unwrap(),
            r#"{"code":10000,"id":"1","name":"Cup","image":null,"price":9.50,"stock":3,"status":"on_sale","stock_mode":"redis","updated_at":5}"#
        );
    }
}
