//! The request header `Prefer` (RFC 7240), as far as it asks for an asynchronous reply.

/// The preference, as `Preference-Applied` repeats it.
pub const RESPOND_ASYNC: &str = "respond-async";

/// Whether the values of all `Prefer` headers of a request ask to respond asynchronously.
/// Other preferences and all parameters are ignored, as the RFC asks for.
pub fn respond_async<'a>(values: impl IntoIterator<Item = &'a str>) -> bool {
    values
        .into_iter()
        .flat_map(|value| split(value, ','))
        .any(is_respond_async)
}

fn is_respond_async(preference: &str) -> bool {
    let head = split(preference, ';').next().unwrap_or_default();
    // An empty value is the same as none; any other value is undefined, and makes it another preference.
    let (name, value) = head.split_once('=').unwrap_or((head, ""));
    name.trim().eq_ignore_ascii_case(RESPOND_ASYNC) && matches!(value.trim(), "" | "\"\"")
}

/// The parts between separators outside quoted strings.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c: char| {
        let separates = c == separator && !quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        separates
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_ask() {
        for asks in [
            &["respond-async"][..],
            &["Respond-Async"],
            &["return=minimal, respond-async;wait=5"],
            &["respond-async=\"\""],
            &["wait=10", " respond-async "],
            &["foo=\"a, \\\" b\", respond-async"],
            &[",, respond-async"],
        ] {
            assert!(respond_async(asks.iter().copied()), "{asks:?}");
        }
        for does_not in [
            &[][..],
            &[""],
            &["return=minimal"],
            &["respond-asynchronously"],
            &["respond-async=no"],
            &["foo=\"a, respond-async\""],
            &["foo; respond-async"],
        ] {
            assert!(!respond_async(does_not.iter().copied()), "{does_not:?}");
        }
    }
}
