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
/// Largest product id: a number that JSON readers with doubles keep exactly.
pub const PRODUCT_ID_MAX: u64 = (1 << 53) - 1;

/// Body that creates a product. Stock is one number, or a list by sku.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateProductRequest {
    /// Minted where absent.
    id: Option<IdText>,
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = true, max_length = 200))]
    name: Option<String>,
    #[cfg_attr(feature = "openapi", schema(max_length = 500))]
    image: Option<String>,
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::openapi::AmountText, required = true))]
    price: Option<Amount>,
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 2147483647))]
    stock: Option<i64>,
    skus: Option<Vec<SkuStockRequest>>,
    /// `redis` (default) or `db`.
    stock_mode: Option<String>,
    /// `on_sale` (default) or `off_sale`.
    status: Option<IdText>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SkuStockRequest {
    #[cfg_attr(feature = "openapi", schema(value_type = IdText, required = true))]
    sku_id: Option<IdText>,
    #[cfg_attr(feature = "openapi", schema(value_type = i64, required = true, minimum = 0, maximum = 2147483647))]
    stock: Option<i64>,
}

/// A product to create, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductDraft {
    pub id: Option<ProductId>,
    pub name: String,
    pub image: Option<String>,
    pub price: Cents,
    /// At least one; sku 0 where the product has no variants.
    pub stock: Vec<(SkuId, u32)>,
    pub stock_mode: StockMode,
    pub sale: SaleStatus,
}

domain::coded! {
    /// Whether a product can be ordered.
    #[derive(Default)]
    pub enum SaleStatus {
        OffSale = 0, "off_sale";
        #[default]
        OnSale = 1, "on_sale";
    }
}

impl SaleStatus {
    /// Reads the name or the stored number.
    pub fn parse(text: &str) -> Result<SaleStatus, Rejection> {
        SaleStatus::from_name_or_code(text)
            .ok_or_else(|| Rejection::invalid("status", "must be on_sale or off_sale"))
    }
}

impl CreateProductRequest {
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

/// A product id as it stands in a path or body.
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

/// A product. `stock` is what may be sold now, over all skus.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProductView {
    pub id: String,
    pub name: String,
    pub image: Option<String>,
    pub price: Amount,
    pub stock: u64,
    /// By sku, where the product has variants.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skus: Vec<SkuView>,
    #[cfg_attr(feature = "openapi", schema(example = "on_sale"))]
    pub status: &'static str,
    #[cfg_attr(feature = "openapi", schema(example = "redis"))]
    pub stock_mode: &'static str,
    /// Milliseconds UTC.
    pub updated_at: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SkuView {
    pub sku_id: String,
    pub stock: u64,
}

/// A product alone at the top of a reply.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProductReply {
    pub code: u32,
    #[serde(flatten)]
    pub product: ProductView,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Products {
    pub code: u32,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<ProductView>))]
    pub products: Vec<Box<RawValue>>,
    pub total: u64,
    pub page: u32,
    pub page_size: u32,
}

/// A list of products in the envelope of `/products`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvelopeProducts {
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<ProductView>))]
    pub products: Vec<Box<RawValue>>,
    pub total: u64,
    pub page: u32,
    pub page_size: u32,
}

/// Stock in the envelope of `/products/{id}/stock`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvelopeStock {
    pub product_id: String,
    pub stock: u64,
}

/// Stock of one product, or of one of its skus.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StockReply {
    pub code: u32,
    pub product_id: String,
    /// Present where one sku was asked for.
    pub sku_id: Option<String>,
    /// May be sold now.
    pub available_stock: u64,
    /// Promised to orders that are not paid.
    pub locked_stock: u64,
}

/// Stock by product id; an unknown product has 0.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StockMap {
    pub code: u32,
    pub stock: BTreeMap<String, u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(body: serde_json::Value) -> String {
        match CreateProductRequest::parse(body.to_string().as_bytes()) {
            Err(Rejection::Invalid { field, .. }) => field,
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn drafts() {
        let plain = CreateProductRequest::parse(
            br#"{"id":"7","name":"Cup","price":9.5,"stock":3,"stock_mode":"db","status":0}"#,
        )
        .unwrap();
        assert_eq!(plain.id, Some(ProductId(7)));
        assert_eq!(plain.stock, [(SkuId(0), 3)]);
        assert_eq!(
            (plain.stock_mode, plain.sale),
            (StockMode::Db, SaleStatus::OffSale)
        );
        let skus = CreateProductRequest::parse(
            br#"{"name":"Cup","price":"1","skus":[{"sku_id":1,"stock":0},{"sku_id":"2","stock":5}]}"#,
        )
        .unwrap();
        assert_eq!(skus.stock, [(SkuId(1), 0), (SkuId(2), 5)]);
        assert_eq!((skus.id, skus.stock_mode), (None, StockMode::Redis));
    }

    #[test]
    fn wrong_fields_are_named() {
        let with = |more: serde_json::Value| {
            let mut body = json!({"name": "Cup", "price": 1, "stock": 1});
            for (key, value) in more.as_object().unwrap() {
                body[key] = value.clone();
            }
            refused(body)
        };
        for (more, field) in [
            (json!({"id": 0}), "id"),
            (json!({"id": "x"}), "id"),
            (json!({"id": 1u64 << 53}), "id"),
            (json!({"name": " "}), "name"),
            (json!({"name": null}), "name"),
            (json!({"name": "x".repeat(201)}), "name"),
            (json!({"image": "x".repeat(501)}), "image"),
            (json!({"price": null}), "price"),
            (json!({"price": -1}), "price"),
            (json!({"stock": null}), "stock"),
            (json!({"stock": -1}), "stock"),
            (json!({"stock": 1u64 << 31}), "stock"),
            (json!({"stock": 1.5}), "stock"),
            (json!({"skus": []}), "stock"),
            (json!({"stock": null, "skus": []}), "skus"),
            (
                json!({"stock": null, "skus": [{"stock": 1}]}),
                "skus[0].sku_id",
            ),
            (
                json!({"stock": null, "skus": [{"sku_id": "red", "stock": 1}]}),
                "skus[0].sku_id",
            ),
            (
                json!({"stock": null, "skus": [{"sku_id": 1}]}),
                "skus[0].stock",
            ),
            (
                json!({"stock": null, "skus": [{"sku_id": 1, "stock": 1}, {"sku_id": "1", "stock": 1}]}),
                "skus[1].sku_id",
            ),
            (json!({"stock_mode": "memory"}), "stock_mode"),
            (json!({"status": "gone"}), "status"),
        ] {
            assert_eq!(with(more.clone()), field, "{more}");
        }
    }

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
