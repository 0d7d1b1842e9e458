//! Parses JSON bodies; an error names the path of the wrong field.

mod spelling;

use domain::Rejection;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use spelling::Spelled;
use std::fmt;
use std::marker::PhantomData;

/// A `T` from a JSON object only: derived deserializers would also accept an array, field by field.
#[derive(Debug)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        struct Only<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Only<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(Spelled(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Only(PhantomData))
    }
}

/// Parses a JSON object as `T`, whose fields may be spelled in snake or camel case. Unknown fields are ignored;
/// anything after the object is refused.
///
/// # Errors
/// Where the body is no JSON object, or no `T`; the rejection names the path of the wrong field, or `body`.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Rejection> {
    match serde_json::from_slice(bytes) {
        Ok(Object(value)) => Ok(value),
        Err(_) => located(bytes),
    }
}

/// Parses again, slower, to find the path of the error.
fn located<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Rejection> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let Object(value) = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        rejection(&path, error.inner())
    })?;
    json.end().map_err(|error| rejection(".", &error))?;
    Ok(value)
}

/// As [`parse`], where an empty body counts as an object without fields.
///
/// # Errors
/// As [`parse`], where the body is not empty.
pub fn parse_or_default<T: DeserializeOwned + Default>(bytes: &[u8]) -> Result<T, Rejection> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(T::default());
    }
    parse(bytes)
}

fn rejection(path: &str, error: &serde_json::Error) -> Rejection {
    let text = error.to_string();
    // Valid JSON whose value no program can hold: its field is to blame.
    let is_too_large = text.starts_with("number out of range");
    if !error.is_data() && !is_too_large {
        return Rejection::invalid("body", format!("is no valid JSON: {text}"));
    }
    // The path says more than the position does.
    let reason = match text.rfind(" at line ") {
        Some(end) => &text[..end],
        None => text.as_str(),
    };
    let field = if path == "." { "body" } else { path };
    Rejection::invalid(field, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize)]
    struct Probe {
        #[serde(default)]
        lines: Vec<u8>,
        #[serde(default)]
        parts: Vec<Object<Part>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Named {
        user_id: u8,
        #[serde(default, alias = "token")]
        idempotency_key: Option<String>,
    }

    #[test]
    fn a_field_in_every_spelling() {
        let read = |body: &str| parse::<Named>(body.as_bytes());
        for name in [
            "user_id",
            "userId",
            "UserID",
            "UserId",
            "USER_ID",
            "userid",
            "user_Id",
            "us\\u0065rId",
        ] {
            let named = read(&format!(r#"{{"{name}":7}}"#)).unwrap();
            assert_eq!(named.user_id, 7, "{name}");
        }
        for name in ["idempotencyKey", "IDEMPOTENCY_KEY", "token", "Token"] {
            let named = read(&format!(r#"{{"user_id":7,"{name}":"k"}}"#)).unwrap();
            assert_eq!(named.idempotency_key.as_deref(), Some("k"), "{name}");
        }
        // Twice, in whatever spellings.
        for body in [
            r#"{"user_id":7,"userId":7}"#,
            r#"{"user_id":7,"Token":"a","token":"a"}"#,
            r#"{"user_id":7,"users_id":7}"#,
        ] {
            assert!(read(body).is_err(), "{body}");
        }
        let Err(Rejection::Invalid { field, .. }) = read(r#"{"userId":"x"}"#) else {
            panic!("a text is no number");
        };
        assert_eq!(field, "userId", "as the client spells it");
    }

    #[derive(Debug, Deserialize)]
    struct Part {
        size: u8,
    }

    #[test]
    fn errors_name_the_path() {
        let field = |body: &str| match parse::<Probe>(body.as_bytes()) {
            Err(Rejection::Invalid { field, reason }) => (field, reason),
            other => panic!("{body}: {other:?}"),
        };
        assert_eq!(field(r#"{"lines":[1,"x"]}"#).0, "lines[1]");
        assert!(!field(r#"{"lines":[1,"x"]}"#).1.contains("line 1"));
        assert_eq!(field(r#"{"lines":[1e400]}"#).0, "lines[0]");
        for broken in ["", "{", "{\"lines\":[1]} x", "nul", "\u{0}"] {
            let (name, reason) = field(broken);
            assert_eq!(name, "body", "{broken}");
            assert!(reason.starts_with("is no valid JSON"), "{reason}");
        }
        for array in ["[[]]", "[]", "[[1]]"] {
            assert_eq!(field(array).0, "body", "{array}");
        }
        assert_eq!(field(r#"{"parts":[{"size":1},[2]]}"#).0, "parts[1]");
        assert_eq!(
            field(r#"{"parts":[{"size":1},{"size":"x"}]}"#).0,
            "parts[1].size"
        );
        let taken = parse::<Probe>(br#"{"parts":[{"size":1}]}"#).unwrap();
        assert_eq!(taken.parts[0].0.size, 1);
        assert_eq!(field("7").0, "body");
        assert!(parse_or_default::<Probe>(b" \n").unwrap().lines.is_empty());
        assert!(parse_or_default::<Probe>(b"{").is_err());
    }
}
