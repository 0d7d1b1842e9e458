//! Changes a product's name, picture, price or status: a JSON merge patch (RFC 7396).

use super::{SaleStatus, text};
use crate::api::amount::Amount;
use crate::api::identity::IdText;
use domain::{Cents, Rejection};
use serde::{Deserialize, Deserializer};

/// Body that changes a product: an absent field leaves it as it is, null removes the picture. Other fields are refused:
/// the stock is changed by `POST /api/v1/products/{id}/stock`, id and stock mode never.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PatchProductRequest {
    /// 1 to 200 characters.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false, min_length = 1, max_length = 200, pattern = r"\S"))]
    name: Option<Option<String>>,
    /// Path or URL, up to 500 characters; null or empty: none.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = false, max_length = 500))]
    image: Option<Option<String>>,
    /// Of one unit. Orders that are placed keep theirs.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::openapi::AmountText, required = false))]
    price: Option<Option<Amount>>,
    /// `on_sale` or `off_sale`. Off sale it is not ordered from the moment of the reply, nor in flash sales.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::openapi::SaleStatusText, required = false))]
    status: Option<Option<IdText>>,
}

/// Tells a field that is null (`Some(None)`) from one that is absent (`None`).
fn given<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// Changes of a product, checked; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProductPatch {
    /// 1 to 200 characters.
    pub name: Option<String>,
    /// `Some(None)` removes it.
    pub image: Option<Option<String>>,
    /// Of one unit.
    pub price: Option<Cents>,
    /// Whether it can be ordered.
    pub sale: Option<SaleStatus>,
}

impl PatchProductRequest {
    /// Parses and checks a body.
    ///
    /// # Errors
    /// Where a field is not acceptable; the rejection names it.
    pub fn parse(bytes: &[u8]) -> Result<ProductPatch, Rejection> {
        let request: PatchProductRequest = crate::api::body::parse(bytes)?;
        let status = kept("status", request.status)?;
        let price = kept("price", request.price)?;
        Ok(ProductPatch {
            name: kept("name", request.name)?.map(text::name).transpose()?,
            image: request.image.map(text::image).transpose()?,
            price: price.map(|Amount(price)| price),
            sale: status.map(|text| SaleStatus::parse(&text.0)).transpose()?,
        })
    }
}

/// A field that every product has.
fn kept<T>(field: &str, given: Option<Option<T>>) -> Result<Option<T>, Rejection> {
    match given {
        Some(None) => Err(Rejection::invalid(field, "cannot be removed")),
        given => Ok(given.flatten()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> (String, String) {
        match PatchProductRequest::parse(body.as_bytes()) {
            Err(Rejection::Invalid { field, reason }) => (field, reason),
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn absent_null_and_given() {
        let patch = |body: &str| PatchProductRequest::parse(body.as_bytes()).unwrap();
        assert_eq!(patch("{}"), ProductPatch::default());
        assert_eq!(patch(r#"{"image":null}"#).image, Some(None));
        assert_eq!(patch(r#"{"image":""}"#).image, Some(None));
        let all = patch(r#"{"name":"Tea","image":"/t.svg","price":"9.9","status":"off_sale"}"#);
        let expected = ProductPatch {
            name: Some("Tea".to_owned()),
            image: Some(Some("/t.svg".to_owned())),
            price: Cents::new(990),
            sale: Some(SaleStatus::OffSale),
        };
        assert_eq!(all, expected);
        assert_eq!(patch(r#"{"status":1}"#).sale, Some(SaleStatus::OnSale));
    }

    #[test]
    fn wrong_fields_are_named() {
        for field in ["name", "price", "status"] {
            let (named, reason) = refused(&format!(r#"{{"{field}":null}}"#));
            assert_eq!(
                (named.as_str(), reason.as_str()),
                (field, "cannot be removed")
            );
        }
        for (body, field) in [
            (r#"{"name":" "}"#.to_owned(), "name"),
            (format!(r#"{{"name":"{}"}}"#, "x".repeat(201)), "name"),
            (format!(r#"{{"image":"{}"}}"#, "x".repeat(501)), "image"),
            (r#"{"price":-1}"#.to_owned(), "price"),
            (r#"{"status":"gone"}"#.to_owned(), "status"),
            ("[]".to_owned(), "body"),
        ] {
            assert_eq!(refused(&body).0, field, "{body}");
        }
        let (field, reason) = refused(r#"{"stock":5}"#);
        assert!(
            format!("{field} {reason}").contains("stock"),
            "{field} {reason}"
        );
    }
}
