//! The request with everything that identifies it: the buyer, the key, and the hash of what is asked for.

use contract::order::{CreateOrderRequest, Draft};
use contract::{identity, prefer};
use domain::limits::IDEMPOTENCY_KEY_CHARS_MAX;
use domain::{Rejection, User};
use guest::{Call, caller};

#[derive(Debug)]
pub struct Request {
    pub user: User,
    pub draft: Draft,
    /// Hash of the caller's key; `None` where there is none.
    pub key: Option<[u8; 16]>,
    /// Hash of the payload, the same for the same wish however its JSON is spaced.
    pub payload: [u8; 16],
    /// The caller would rather be told at once that the order is accepted.
    pub respond_async: bool,
}

impl Request {
    pub fn read(call: &Call, body: &[u8]) -> Result<Request, Rejection> {
        let draft = CreateOrderRequest::parse(body)?;
        let user = caller::named(draft.user.clone(), call)?;
        let user = user.ok_or_else(|| Rejection::invalid("user_id", "is required"))?;
        let header = call
            .header("idempotency-key")
            .as_deref()
            .map(header_key)
            .transpose()?;
        let key = header
            .or(draft.idempotency_key.clone())
            .map(|key| identity::hash(&[key.as_bytes()]));
        let payload = payload(&user, &draft);
        Ok(Request {
            user,
            draft,
            key,
            payload,
            respond_async: prefer::respond_async(
                call.header_all("prefer").iter().map(String::as_str),
            ),
        })
    }
}

/// The header's value: a plain text, or the quoted string of the IETF draft.
fn header_key(value: &str) -> Result<String, Rejection> {
    let value = value.trim();
    let key = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(value);
    if key.is_empty() || key.chars().count() > IDEMPOTENCY_KEY_CHARS_MAX {
        let reason = format!("must have 1 to {IDEMPOTENCY_KEY_CHARS_MAX} characters");
        return Err(Rejection::invalid("Idempotency-Key", reason));
    }
    Ok(key.to_owned())
}

fn payload(user: &User, draft: &Draft) -> [u8; 16] {
    let optional = |text: &Option<String>| {
        text.as_deref()
            .map_or(String::new(), |text| format!("={text}"))
    };
    let mut parts = vec![
        user.id.get().to_string(),
        optional(&draft.shipping_address),
        optional(&draft.remark),
        optional(&draft.payment_method),
    ];
    for line in &draft.lines {
        let price = line.price.map_or(String::new(), |price| price.to_string());
        parts.push(format!(
            "{} {} {} {price}",
            line.product.0, line.sku.0, line.quantity
        ));
    }
    let parts: Vec<&[u8]> = parts.iter().map(String::as_bytes).collect();
    identity::hash(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_both_forms() {
        assert_eq!(header_key("abc"), Ok("abc".to_owned()));
        assert_eq!(header_key("\"abc\""), Ok("abc".to_owned()));
        assert!(header_key("\"\"").is_err());
        assert!(header_key(&"k".repeat(256)).is_err());
    }

    #[test]
    fn the_same_wish_is_the_same_payload() {
        let user = contract::identity::user("7").unwrap();
        let hash =
            |body: &str| payload(&user, &CreateOrderRequest::parse(body.as_bytes()).unwrap());
        let first = hash(r#"{"items":[{"product_id":1,"quantity":2}]}"#);
        assert_eq!(
            first,
            hash(r#"{ "items": [ {"quantity":2, "product_id":"1"} ] }"#)
        );
        assert_ne!(first, hash(r#"{"items":[{"product_id":1,"quantity":3}]}"#));
        assert_ne!(
            first,
            hash(r#"{"items":[{"product_id":1,"quantity":2}],"remark":"x"}"#)
        );
    }
}
