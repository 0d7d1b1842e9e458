//! The request to place an order, in every spelling of the five systems, parsed into one typed draft. Pure: nothing is
//! looked up here, so a refusal has no side effects.

use super::draft::{Draft, DraftLine, Naming};
use crate::api::amount::Amount;
use crate::api::body::Object;
use crate::api::idempotency_key;
use crate::api::identity::{self, IdText};
use crate::api::whole::Whole;
use domain::limits::{
    ITEMS_MAX, PAYMENT_METHOD_CHARS_MAX, PRODUCT_IMAGE_CHARS_MAX, PRODUCT_NAME_CHARS_MAX,
    REMARK_CHARS_MAX, SHIPPING_ADDRESS_CHARS_MAX,
};
use domain::{Cents, ProductId, Rejection, SkuId};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashMap;

/// Body that places an order: either `items`, or one product at the top level (`product_id` and `quantity`).
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateOrderRequest {
    /// The buyer: a number, `user_<number>` or other text of up to 64 characters. Required here or as `user_id` in the
    /// query.
    #[serde(alias = "UserID", alias = "UserId", alias = "userId")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::UserText>, example = "user_123"))]
    pub(super) user_id: Option<IdText>,
    /// 1 to 100 lines, no two of the same product and sku.
    #[serde(alias = "Items")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<ItemRequest>>, min_items = 1, max_items = 100))]
    pub(super) items: Option<Vec<Object<ItemRequest>>>,
    /// In place of `items`: the only product.
    #[serde(alias = "ProductID", alias = "ProductId", alias = "productId")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::ProductText>))]
    pub(super) product_id: Option<IdText>,
    /// Variant of `product_id`, below 2^62; 0 by default.
    #[serde(alias = "SkuID", alias = "SkuId", alias = "skuId")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::SkuText>))]
    pub(super) sku_id: Option<IdText>,
    /// Units of `product_id`, from 1 to 2147483647; required with it.
    #[serde(alias = "Quantity")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>, minimum = 1, maximum = 2147483647))]
    pub(super) quantity: Option<Whole>,
    /// Of one unit of `product_id`; must equal the catalogue price.
    #[serde(alias = "Price", alias = "unit_price")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::AmountText>))]
    pub(super) price: Option<Amount>,
    /// Of the whole order of `product_id`; must equal catalogue price times quantity.
    #[serde(alias = "Amount")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::AmountText>))]
    pub(super) amount: Option<Amount>,
    /// Text, or a JSON object or list, which is kept as JSON text; up to 500 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::AddressText>))]
    pub(super) shipping_address: Option<Box<RawValue>>,
    /// Up to 200 characters.
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub(super) remark: Option<String>,
    /// Up to 20 characters.
    #[cfg_attr(feature = "openapi", schema(example = "alipay", max_length = 20))]
    pub(super) payment_method: Option<String>,
    /// In place of the header `Idempotency-Key`, or the same key again; taken literally, quotes included.
    #[serde(alias = "IdempotencyKey", alias = "IdempotencyToken", alias = "token")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::KeyText>))]
    pub(super) idempotency_key: Option<String>,
}

/// One line of `items`. Name and image are taken from the catalogue; a price, where sent, must match it.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ItemRequest {
    /// A whole number from 1.
    #[serde(alias = "ProductID", alias = "ProductId", alias = "productId")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::openapi::ProductText, required = true, example = "1"))]
    pub(super) product_id: Option<IdText>,
    /// Variant of the product, below 2^62; 0 by default.
    #[serde(alias = "SkuID", alias = "SkuId", alias = "skuId")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::SkuText>))]
    pub(super) sku_id: Option<IdText>,
    /// Ignored; up to 200 characters.
    #[serde(alias = "ProductName", alias = "productName")]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub(super) product_name: Option<String>,
    /// Ignored; up to 500 characters.
    #[serde(alias = "ProductImage", alias = "productImage")]
    #[cfg_attr(feature = "openapi", schema(max_length = 500))]
    pub(super) product_image: Option<String>,
    /// Of one unit; must equal the catalogue price.
    #[serde(alias = "Price", alias = "unit_price")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::AmountText>))]
    pub(super) price: Option<Amount>,
    /// Units to order.
    #[serde(alias = "Quantity")]
    #[cfg_attr(feature = "openapi", schema(value_type = i64, required = true, minimum = 1, maximum = 2147483647))]
    pub(super) quantity: Option<Whole>,
}

impl CreateOrderRequest {
    /// Parses and checks a body.
    ///
    /// # Errors
    /// Where a field is not acceptable; the rejection names it.
    pub fn parse(bytes: &[u8]) -> Result<Draft, Rejection> {
        let request: CreateOrderRequest = crate::api::body::parse(bytes)?;
        request.into_draft()
    }

    pub(super) fn into_draft(self) -> Result<Draft, Rejection> {
        let user = match &self.user_id {
            Some(text) => Some(
                identity::user(&text.0).map_err(|reason| Rejection::invalid("user_id", reason))?,
            ),
            None => None,
        };
        let (lines, naming) = match &self.items {
            Some(items) => {
                self.refuse_top_level_product()?;
                (many(items)?, Naming::Items)
            }
            None if self.amount.is_some() => (vec![self.only_line()?], Naming::Amount),
            None => (vec![self.only_line()?], Naming::Price),
        };
        Ok(Draft {
            user,
            lines,
            naming,
            shipping_address: self.shipping_address.as_deref().map_or(Ok(None), address)?,
            remark: text("remark", self.remark, REMARK_CHARS_MAX)?,
            payment_method: text(
                "payment_method",
                self.payment_method,
                PAYMENT_METHOD_CHARS_MAX,
            )?,
            idempotency_key: self
                .idempotency_key
                .map(idempotency_key::checked)
                .transpose()?,
        })
    }

    /// A product beside `items` would be ignored silently, or ordered twice.
    fn refuse_top_level_product(&self) -> Result<(), Rejection> {
        let beside = [
            ("product_id", self.product_id.is_some()),
            ("sku_id", self.sku_id.is_some()),
            ("quantity", self.quantity.is_some()),
            ("price", self.price.is_some()),
            ("amount", self.amount.is_some()),
        ];
        match beside.into_iter().find(|(_, present)| *present) {
            Some((field, _)) => Err(Rejection::invalid(
                field,
                "must not stand beside items; put it into a line",
            )),
            None => Ok(()),
        }
    }

    fn only_line(&self) -> Result<DraftLine, Rejection> {
        if self.product_id.is_none() {
            return Err(Rejection::invalid(
                "items",
                "is required (or product_id and quantity)",
            ));
        }
        let mut line = DraftLine::new(
            "",
            self.product_id.as_ref(),
            self.sku_id.as_ref(),
            self.quantity,
            self.price,
        )?;
        if let Some(Amount(amount)) = self.amount {
            let price = unit_price(amount, line.quantity)?;
            if line.price.is_some_and(|sent| sent != price) {
                return Err(Rejection::invalid("amount", "is not price times quantity"));
            }
            line.price = Some(price);
        }
        Ok(line)
    }
}

fn many(items: &[Object<ItemRequest>]) -> Result<Vec<DraftLine>, Rejection> {
    if items.is_empty() || items.len() > ITEMS_MAX {
        return Err(Rejection::invalid(
            "items",
            format!("must have 1 to {ITEMS_MAX} lines"),
        ));
    }
    let mut lines: Vec<DraftLine> = Vec::with_capacity(items.len());
    let mut seen: HashMap<(ProductId, SkuId), usize> = HashMap::with_capacity(items.len());
    let mut prices: HashMap<ProductId, (usize, Cents)> = HashMap::new();
    for (at, Object(item)) in items.iter().enumerate() {
        let path = format!("items[{at}].");
        bounded(
            &format!("{path}product_name"),
            item.product_name.as_deref(),
            PRODUCT_NAME_CHARS_MAX,
        )?;
        bounded(
            &format!("{path}product_image"),
            item.product_image.as_deref(),
            PRODUCT_IMAGE_CHARS_MAX,
        )?;
        let line = DraftLine::new(
            &path,
            item.product_id.as_ref(),
            item.sku_id.as_ref(),
            item.quantity,
            item.price,
        )?;
        if let Some(first) = seen.insert((line.product, line.sku), at) {
            return Err(Rejection::invalid(
                format!("items[{at}]"),
                format!("repeats the product and sku of items[{first}]"),
            ));
        }
        if let Some(price) = line.price {
            let (first, agreed) = *prices.entry(line.product).or_insert((at, price));
            if agreed != price {
                return Err(Rejection::invalid(
                    format!("{path}price"),
                    format!("differs from that of items[{first}], the same product"),
                ));
            }
        }
        lines.push(line);
    }
    Ok(lines)
}

/// An amount that is no multiple of the quantity fits no catalogue price.
fn unit_price(amount: Cents, quantity: u32) -> Result<Cents, Rejection> {
    let quantity = i64::from(quantity);
    Some(amount.get())
        .filter(|cents| cents % quantity == 0)
        .and_then(|cents| Cents::new(cents / quantity))
        .ok_or_else(|| Rejection::invalid("amount", "is not price times quantity"))
}

fn address(raw: &RawValue) -> Result<Option<String>, Rejection> {
    const FIELD: &str = "shipping_address";
    let json = raw.get();
    let kept = match json.as_bytes().first() {
        Some(b'"') => {
            serde_json::from_str(json).map_err(|_| Rejection::invalid(FIELD, "is no valid text"))?
        }
        Some(b'{' | b'[') => json.to_owned(),
        Some(b'n') => return Ok(None),
        _ => {
            return Err(Rejection::invalid(FIELD, "must be text or a JSON object"));
        }
    };
    text(FIELD, Some(kept), SHIPPING_ADDRESS_CHARS_MAX)
}

/// Empty text counts as absent.
pub(super) fn text(
    field: &str,
    value: Option<String>,
    chars_max: usize,
) -> Result<Option<String>, Rejection> {
    bounded(field, value.as_deref(), chars_max)?;
    Ok(value.filter(|text| !text.is_empty()))
}

pub(super) fn bounded(field: &str, value: Option<&str>, chars_max: usize) -> Result<(), Rejection> {
    match value {
        Some(text) if text.chars().count() > chars_max => Err(Rejection::invalid(
            field,
            format!("has more than {chars_max} characters"),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
