//! Which spelling of a path is served. A proxy in front may have rules for paths as they are sent, so there is one
//! spelling for each resource, besides percent-encoding that changes nothing (RFC 3986, 6.2.2).

use std::borrow::Cow;

/// Why a path is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPath {
    /// Empty or dot segments: a reader that normalizes it would see another path.
    NotCanonical,
    /// A percent sign without two hexadecimal digits.
    Escape,
}

/// The path with letters that need no escape decoded, and all other escapes in upper case. `%2F` stays: it is data, no
/// separator. A slash at the end stays too, see [`ends_in_slash`].
///
/// # Errors
/// Where the path is not served.
pub fn canonical(path: &str) -> Result<Cow<'_, str>, BadPath> {
    let path = match path.contains('%') {
        true => Cow::Owned(unescaped(path)?),
        false => Cow::Borrowed(path),
    };
    let segments = path.strip_prefix('/').ok_or(BadPath::NotCanonical)?;
    let mut rest = segments.split('/').peekable();
    while let Some(segment) = rest.next() {
        let is_last = rest.peek().is_none();
        if matches!(segment, "." | "..") || (segment.is_empty() && !is_last) {
            return Err(BadPath::NotCanonical);
        }
    }
    Ok(path)
}

/// Whether a path, other than the root, has a slash at its end: it names no resource, except below a wildcard.
pub fn ends_in_slash(path: &str) -> bool {
    path.len() > 1 && path.ends_with('/')
}

/// Whether every percent sign is followed by two hexadecimal digits.
pub fn has_valid_escapes(text: &str) -> bool {
    let mut parts = text.split('%');
    parts.next();
    parts.all(|part| {
        let digits = part.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

fn unescaped(path: &str) -> Result<String, BadPath> {
    let mut parts = path.split('%');
    let mut text = String::with_capacity(path.len());
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).ok_or(BadPath::Escape)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(BadPath::Escape);
        }
        let byte = u8::from_str_radix(digits, 16).map_err(|_| BadPath::Escape)?;
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push_str(&digits.to_ascii_uppercase());
        }
        text.push_str(rest);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_for_each_resource() {
        for (sent, served) in [
            ("/", "/"),
            ("/api/v1/products", "/api/v1/products"),
            ("/%61pi/v1/%70roducts", "/api/v1/products"),
            ("/orders/%7e%2d%5F%2E5", "/orders/~-_.5"),
            ("/orders/a%2fb", "/orders/a%2Fb"),
            ("/orders/%e4%b8%ad", "/orders/%E4%B8%AD"),
            ("/orders/a+b", "/orders/a+b"),
            ("/orders/a%2Bb", "/orders/a%2Bb"),
            ("/orders/...", "/orders/..."),
            ("/static/", "/static/"),
        ] {
            assert_eq!(canonical(sent).as_deref(), Ok(served), "{sent}");
        }
    }

    #[test]
    fn everything_else_is_not_served() {
        for sent in [
            "//",
            "//api",
            "/api//v1",
            "/api/v1//",
            "/./api",
            "/api/..",
            "/api/.",
            "/%2e/api",
            "/api/%2E%2e/x",
            "/.%2E/",
            "api",
            "",
            "*",
        ] {
            assert_eq!(canonical(sent), Err(BadPath::NotCanonical), "{sent}");
        }
        for sent in ["/%", "/%4", "/%zz", "/a%+1", "/%é", "/%2", "/x/%u0041"] {
            assert_eq!(canonical(sent), Err(BadPath::Escape), "{sent}");
        }
    }

    #[test]
    fn slashes_and_escapes() {
        assert!(ends_in_slash("/a/") && !ends_in_slash("/") && !ends_in_slash("/a"));
        assert!(has_valid_escapes("a=%20&b=%ff") && has_valid_escapes(""));
        for bad in ["%", "a%2", "%zz", "%%41", "%é"] {
            assert!(!has_valid_escapes(bad), "{bad}");
        }
    }
}
