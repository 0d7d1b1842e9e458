//! The idempotency key of a request: one text, whichever way it is sent. A malformed key is refused: a request whose
//! key was dropped would place a second order when repeated.
//!
//! The header holds the key either in quotes, as an RFC 8941 string (draft-ietf-httpapi-idempotency-key-header), or
//! bare. Both forms, and the body's field, name the same key where the text is the same. Two header lines are refused
//! even where they are equal: a proxy may join them with a comma, and the result would look like one key with a comma.
//! For the same reason a bare key has none.

use super::identity;
use domain::Rejection;
use domain::limits::IDEMPOTENCY_KEY_CHARS_MAX;

const HEADER: &str = "Idempotency-Key";
const FIELD: &str = "idempotency_key";

/// The key of a request, from the lines of its header and the field of its body, which was [`checked`]; `None` where
/// neither has one.
///
/// # Errors
/// Where the header is malformed, or names another key than the body.
pub fn of(header: &[Vec<u8>], in_body: Option<&str>) -> Result<Option<String>, Rejection> {
    let in_header = match header {
        [] => None,
        [line] => Some(in_line(line).map_err(|reason| Rejection::invalid(HEADER, reason))?),
        _ => return Err(Rejection::invalid(HEADER, "stands on several lines")),
    };
    match (in_header, in_body) {
        (Some(header), Some(body)) if header != body => {
            let reason = "is another key than the header Idempotency-Key has";
            Err(Rejection::invalid(FIELD, reason))
        }
        (header, body) => Ok(header.or_else(|| body.map(str::to_owned))),
    }
}

/// Refuses the key of a request that is made again by each repeat: ignored, it would promise what is not kept.
///
/// # Errors
/// Where the header has a line.
pub fn none(header: &[Vec<u8>], instead: &str) -> Result<(), Rejection> {
    match header {
        [] => Ok(()),
        _ => Err(Rejection::invalid(
            HEADER,
            format!("is not taken here: {instead}"),
        )),
    }
}

/// A key as it is stored.
pub fn hash(key: &str) -> [u8; 16] {
    identity::hash(&[key.as_bytes()])
}

/// Checks the key of a body: 1 to 255 characters, no control characters.
///
/// # Errors
/// Where it is outside these bounds.
pub fn checked(key: String) -> Result<String, Rejection> {
    match is_key(&key) {
        true => Ok(key),
        false => Err(Rejection::invalid(FIELD, bounds())),
    }
}

fn in_line(line: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(line).map_err(|_| "is no UTF-8")?;
    let text = text.trim_matches([' ', '\t']);
    let key = if text.starts_with('"') {
        quoted(text).ok_or("begins with a quote and is no RFC 8941 string")?
    } else if text.contains(',') {
        return Err("has a comma: put it in quotes, or send one key".to_owned());
    } else {
        text.to_owned()
    };
    match is_key(&key) {
        true => Ok(key),
        false => Err(bounds()),
    }
}

fn is_key(key: &str) -> bool {
    let fits = (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&key.chars().count());
    fits && !key.chars().any(char::is_control)
}

fn bounds() -> String {
    format!("must have 1 to {IDEMPOTENCY_KEY_CHARS_MAX} characters, none of control")
}

/// The content of an RFC 8941 string; `None` where the text is anything but exactly one.
fn quoted(text: &str) -> Option<String> {
    let inside = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut said = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        said.push(match c {
            '\\' => chars.next().filter(|c| matches!(c, '"' | '\\'))?,
            '"' => return None,
            ' '..='~' => c,
            _ => return None,
        });
    }
    Some(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(lines: &[&[u8]]) -> Vec<Vec<u8>> {
        lines.iter().map(|line| line.to_vec()).collect()
    }

    #[test]
    fn no_header_leaves_the_body() {
        assert_eq!(of(&[], None), Ok(None));
        assert_eq!(of(&[], Some("a")), Ok(Some("a".to_owned())));
    }

    #[test]
    fn a_quote_at_the_start_makes_a_string_of_it() {
        assert_eq!(quoted(r#""a\"\\ b""#).as_deref(), Some(r#"a"\ b"#));
        for other in [
            r#"""#,
            r#""a"#,
            r#""a""b""#,
            r#""a\"#,
            r#""a\""#,
            r#""a\n""#,
            "\"\t\"",
        ] {
            assert_eq!(quoted(other), None, "{other}");
        }
        let bare = of(&lines(&[br#"a"b""#]), None);
        assert_eq!(bare, Ok(Some(r#"a"b""#.to_owned())));
    }

    proptest! {
        /// Every header line gives a key that a body may have too, or is refused.
        #[test]
        fn no_line_is_dropped(line in prop::collection::vec(any::<u8>(), 0..300)) {
            match of(&[line], None) {
                Ok(key) => prop_assert!(checked(key.unwrap()).is_ok()),
                Err(Rejection::Invalid { field, .. }) => prop_assert_eq!(field, HEADER),
                Err(other) => panic!("{other}"),
            }
        }

        /// Every key that a body may have has a form in the header, quoted or bare.
        #[test]
        fn quotes_take_any_ascii(key in "[ -~]{1,255}") {
            let escaped = key.replace('\\', "\\\\").replace('"', "\\\"");
            let line = format!("\"{escaped}\"").into_bytes();
            prop_assert_eq!(of(&[line], Some(&key)), Ok(Some(key.clone())));
        }
    }
}
