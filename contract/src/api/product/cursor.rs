//! A place in a list of products, as opaque text: the last id that was shown, and a check that it belongs to the same
//! list. Not a secret, only proof against cursors that were cut, made up or taken from a list with other filters.

use super::{PRODUCT_ID_MAX, SaleStatus};
use crate::api::identity::hash;
use domain::hex::hex;
use domain::{ProductId, Rejection};

/// What a list is limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct List<'a> {
    /// `None`: on sale or not.
    pub sale: Option<SaleStatus>,
    /// A part of the name.
    pub search: Option<&'a str>,
}

/// The cursor behind a product.
pub fn behind(product: ProductId, list: List<'_>) -> String {
    let sale = list.sale.map_or("all", |sale| sale.name());
    let search = list.search.map(|term| format!("={term}"));
    let check = hash(&[
        b"products",
        &product.0.to_be_bytes(),
        sale.as_bytes(),
        search.unwrap_or_default().as_bytes(),
    ]);
    format!("{:x}-{}", product.0, hex(&check[..8]))
}

/// The product that a cursor stands behind.
///
/// # Errors
/// Where it is no cursor of this list.
pub fn read(cursor: &str, list: List<'_>) -> Result<ProductId, Rejection> {
    let product = cursor
        .split_once('-')
        .and_then(|(id, _)| u64::from_str_radix(id, 16).ok())
        .filter(|id| (1..=PRODUCT_ID_MAX).contains(id))
        .map(ProductId)
        .filter(|product| behind(*product, list) == cursor);
    product.ok_or_else(|| Rejection::invalid("cursor", "is not one of this list"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: List<'_> = List {
        sale: None,
        search: None,
    };

    #[test]
    fn a_cursor_belongs_to_its_list() {
        for id in [1, 7, PRODUCT_ID_MAX] {
            let cursor = behind(ProductId(id), ALL);
            assert_eq!(read(&cursor, ALL), Ok(ProductId(id)));
            for other in [
                List {
                    sale: Some(SaleStatus::OnSale),
                    ..ALL
                },
                List {
                    search: Some(""),
                    ..ALL
                },
            ] {
                assert!(read(&cursor, other).is_err(), "{other:?}");
            }
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        let good = behind(ProductId(10), ALL);
        let moved = good.replacen('a', "b", 1);
        let upper = good.to_uppercase();
        for bad in [
            "",
            "-",
            "a",
            "a-",
            "0-0",
            &good[..good.len() - 1],
            &moved,
            &upper,
        ] {
            assert!(read(bad, ALL).is_err(), "{bad}");
        }
        assert!(read(&format!("{good}0"), ALL).is_err());
        assert!(read(&format!("+{good}"), ALL).is_err());
    }
}
