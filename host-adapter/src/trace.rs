//! W3C trace context: the `traceparent` of a request, or a new one, and the trace id in it.
//! <https://www.w3.org/TR/trace-context/>

use http::HeaderValue;

/// A well-formed trace context.
#[derive(Debug, Clone)]
pub struct TraceParent(HeaderValue);

impl TraceParent {
    /// The caller's context when `header` is a valid version 00 value, else a fresh one with the sampled flag unset.
    pub fn accept(header: Option<&HeaderValue>) -> Self {
        match header {
            Some(value) if is_valid(value.as_bytes()) => Self(value.clone()),
            _ => Self::generate(),
        }
    }

    fn generate() -> Self {
        // Zero ids are invalid; setting the lowest bit rules them out.
        let text = format!(
            "00-{:032x}-{:016x}-00",
            fastrand::u128(..) | 1,
            fastrand::u64(..) | 1
        );
        match HeaderValue::try_from(text) {
            Ok(value) => Self(value),
            Err(_) => Self(HeaderValue::from_static(
                "00-00000000000000000000000000000001-0000000000000001-00",
            )),
        }
    }

    /// The header to pass on.
    pub fn header(&self) -> &HeaderValue {
        &self.0
    }

    /// The trace id: 32 lowercase hex digits.
    pub fn trace_id(&self) -> &str {
        self.0.to_str().map_or("", |text| &text[3..35])
    }
}

fn is_valid(value: &[u8]) -> bool {
    let hex = |part: &[u8]| {
        part.iter()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b))
    };
    let zero = |part: &[u8]| part.iter().all(|b| *b == b'0');
    value.len() == 55
        && value.starts_with(b"00-")
        && value[35] == b'-'
        && value[52] == b'-'
        && hex(&value[3..35])
        && !zero(&value[3..35])
        && hex(&value[36..52])
        && !zero(&value[36..52])
        && hex(&value[53..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_context_is_kept_and_any_other_is_replaced() {
        let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let kept = TraceParent::accept(Some(&HeaderValue::from_static(given)));
        assert_eq!(kept.header(), given);
        assert_eq!(kept.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        for bad in [
            "",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
        ] {
            let made = TraceParent::accept(Some(&HeaderValue::from_static(bad)));
            assert_ne!(made.header(), bad);
            assert!(is_valid(made.header().as_bytes()), "{:?}", made.header());
        }
    }

    #[test]
    fn two_fresh_contexts_differ() {
        let (a, b) = (TraceParent::accept(None), TraceParent::accept(None));
        assert_ne!(a.trace_id(), b.trace_id());
    }
}
