//! Restocks and corrections: stock is changed by a difference, with a reason, once per idempotency key.

use super::sku_id;
use crate::api::idempotency_key;
use crate::api::identity::{IdText, hash};
use crate::api::whole::Whole;
use domain::limits::{QUANTITY_MAX, REASON_CHARS_MAX};
use domain::{Rejection, SkuId};
use serde::{Deserialize, Serialize};

/// Body that changes a product's stock by a difference.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StockChangeRequest {
    /// The variant; absent or 0 where the product has none.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::SkuText>))]
    sku_id: Option<IdText>,
    /// Units to add, or to take away where negative; not 0. Only units that nobody has reserved are taken away.
    #[cfg_attr(feature = "openapi", schema(value_type = i64, required = true, minimum = -2147483647, maximum = 2147483647))]
    change: Option<Whole>,
    /// For people, 1 to 200 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = true, min_length = 1, max_length = 200, pattern = r"\S"))]
    reason: Option<String>,
    /// True: `sku_id` may be a new variant of a product that has variants. Not with units to take away.
    create: Option<bool>,
    /// As the header `Idempotency-Key`; one of them is required.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::KeyText>))]
    idempotency_key: Option<String>,
}

/// A change of stock, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockChangeDraft {
    /// Never a flash sale's.
    pub sku: SkuId,
    /// Not 0; to be taken away where negative.
    pub units: i64,
    /// 1 to 200 characters.
    pub reason: String,
    /// The variant may be new.
    pub create: bool,
    /// As the body has it.
    pub idempotency_key: Option<String>,
}

impl StockChangeRequest {
    /// Parses and checks a body.
    ///
    /// # Errors
    /// Where a field is not acceptable; the rejection names it.
    pub fn parse(bytes: &[u8]) -> Result<StockChangeDraft, Rejection> {
        let request: StockChangeRequest = crate::api::body::parse(bytes)?;
        let sku = match &request.sku_id {
            Some(text) => sku_id("sku_id", text)?,
            None => SkuId(0),
        };
        let Whole(units) = request
            .change
            .ok_or_else(|| Rejection::invalid("change", "is required"))?;
        if units == 0 || units.unsigned_abs() > u64::from(QUANTITY_MAX) {
            let reason = format!("must be from -{QUANTITY_MAX} to {QUANTITY_MAX}, and not 0");
            return Err(Rejection::invalid("change", reason));
        }
        let reason = request.reason.unwrap_or_default();
        if reason.trim().is_empty() || reason.chars().count() > REASON_CHARS_MAX {
            let why = format!("must have 1 to {REASON_CHARS_MAX} characters");
            return Err(Rejection::invalid("reason", why));
        }
        let create = request.create.unwrap_or_default();
        if create && units < 0 {
            let reason = "must not stand beside units to take away";
            return Err(Rejection::invalid("create", reason));
        }
        let key = request.idempotency_key.map(idempotency_key::checked);
        Ok(StockChangeDraft {
            sku,
            units,
            reason,
            create,
            idempotency_key: key.transpose()?,
        })
    }
}

impl StockChangeDraft {
    /// The same for the same change, however its JSON is written.
    pub fn hash(&self) -> [u8; 16] {
        hash(&[
            self.sku.0.to_string().as_bytes(),
            self.units.to_string().as_bytes(),
            self.reason.as_bytes(),
            &[u8::from(self.create)],
        ])
    }
}

/// A change of stock, as it was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StockChangeView {
    /// Decimal text.
    pub id: String,
    /// Decimal text.
    pub product_id: String,
    /// The variant; 0 where the product has none.
    pub sku_id: String,
    /// Units added, or taken away where negative.
    pub change: i64,
    /// For people; `opening stock` for what the variant was created with.
    pub reason: String,
    /// Units neither sold nor locked by an order, after the change.
    pub available_stock: u64,
    /// Units not sold, after the change.
    pub total_stock: u64,
    /// Milliseconds UTC.
    pub created_at: u64,
}

/// One change, its fields at the top level of the reply.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StockChangeReply {
    /// Always 10000.
    pub code: u32,
    /// Its fields are at the top level of the reply.
    #[serde(flatten)]
    pub change: StockChangeView,
}

/// A page of changes.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StockChanges {
    /// Always 10000.
    pub code: u32,
    /// Newest first; empty past the end.
    pub changes: Vec<StockChangeView>,
    /// Changes of the product, on all pages.
    pub total: u64,
    /// Counted from 1.
    pub page: u32,
    /// Changes per page, as asked for.
    pub page_size: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<StockChangeDraft, Rejection> {
        StockChangeRequest::parse(body.as_bytes())
    }

    #[test]
    fn drafts() {
        let plain = parse(r#"{"change":5,"reason":"delivery"}"#).unwrap();
        assert_eq!((plain.sku, plain.units), (SkuId(0), 5));
        assert!(!plain.create && plain.idempotency_key.is_none());
        let sku = r#"{"sku_id":"7","change":-5,"reason":"broken","idempotency_key":"k"}"#;
        let sku = parse(sku).unwrap();
        assert_eq!((sku.sku, sku.units), (SkuId(7), -5));
        assert_eq!(sku.idempotency_key.as_deref(), Some("k"));
        let other_spelling = parse(r#"{ "reason":"broken", "change":-5, "sku_id":7 }"#).unwrap();
        assert_eq!(
            sku.hash(),
            other_spelling.hash(),
            "the key is no part of it"
        );
        assert_ne!(sku.hash(), plain.hash());
    }

    #[test]
    fn wrong_fields_are_named() {
        let long = "x".repeat(201);
        for (body, field) in [
            (r#"{"reason":"x"}"#.to_owned(), "change"),
            (r#"{"change":0,"reason":"x"}"#.to_owned(), "change"),
            (r#"{"change":2147483648,"reason":"x"}"#.to_owned(), "change"),
            (
                r#"{"change":-2147483648,"reason":"x"}"#.to_owned(),
                "change",
            ),
            (r#"{"change":1.5,"reason":"x"}"#.to_owned(), "change"),
            (r#"{"change":1}"#.to_owned(), "reason"),
            (r#"{"change":1,"reason":" "}"#.to_owned(), "reason"),
            (format!(r#"{{"change":1,"reason":"{long}"}}"#), "reason"),
            (
                r#"{"sku_id":"x","change":1,"reason":"x"}"#.to_owned(),
                "sku_id",
            ),
            (
                r#"{"sku_id":4611686018427387904,"change":1,"reason":"x"}"#.to_owned(),
                "sku_id",
            ),
            (
                r#"{"change":-1,"reason":"x","create":true}"#.to_owned(),
                "create",
            ),
            (
                r#"{"change":1,"reason":"x","idempotency_key":""}"#.to_owned(),
                "idempotency_key",
            ),
        ] {
            match parse(&body) {
                Err(Rejection::Invalid { field: named, .. }) => assert_eq!(named, field, "{body}"),
                other => panic!("{body}: {other:?}"),
            }
        }
    }
}
