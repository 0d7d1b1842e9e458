//! Name and picture of a product, checked the same way whoever sets them.

use domain::Rejection;
use domain::limits::{PRODUCT_IMAGE_CHARS_MAX, PRODUCT_NAME_CHARS_MAX};

/// A name of 1 to 200 characters, not only spaces.
pub fn name(name: String) -> Result<String, Rejection> {
    if name.trim().is_empty() || name.chars().count() > PRODUCT_NAME_CHARS_MAX {
        let reason = format!("must have 1 to {PRODUCT_NAME_CHARS_MAX} characters");
        return Err(Rejection::invalid("name", reason));
    }
    Ok(name)
}

/// A picture of up to 500 characters; `None` where it is absent or empty.
pub fn image(image: Option<String>) -> Result<Option<String>, Rejection> {
    let image = image.filter(|image| !image.is_empty());
    let chars = image.as_ref().map_or(0, |image| image.chars().count());
    if chars > PRODUCT_IMAGE_CHARS_MAX {
        let reason = format!("has more than {PRODUCT_IMAGE_CHARS_MAX} characters");
        return Err(Rejection::invalid("image", reason));
    }
    Ok(image)
}
