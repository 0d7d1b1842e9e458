//! Percent-encoded text of a request's target.

/// What a plus stands for: a space in a query, as forms write it; itself in a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    Itself,
    Space,
}

/// The text; bytes that are no UTF-8 are replaced.
pub(crate) fn decode(text: &str, plus: Plus) -> String {
    String::from_utf8_lossy(&bytes(text, plus)).into_owned()
}

/// Whether the text, decoded, is UTF-8.
pub(crate) fn is_utf8(text: &str) -> bool {
    !text.contains('%') || String::from_utf8(bytes(text, Plus::Itself)).is_ok()
}

fn bytes(text: &str, plus: Plus) -> Vec<u8> {
    let bytes = text.as_bytes();
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = match bytes[at] {
            b'%' => digit(at + 1).zip(digit(at + 2)),
            _ => None,
        };
        match (escaped, bytes[at]) {
            (Some((high, low)), _) => {
                decoded.push((high * 16 + low) as u8);
                at += 2;
            }
            (None, b'+') if plus == Plus::Space => decoded.push(b' '),
            (None, byte) => decoded.push(byte),
        }
        at += 1;
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_and_plus() {
        assert_eq!(decode("a%20b+c%E4%B8%AD", Plus::Space), "a b c中");
        assert_eq!(decode("a%20b+c%2B", Plus::Itself), "a b+c+");
        for other in ["%zz%2", "%+d", "%", "%é"] {
            assert_eq!(decode(other, Plus::Itself), other);
        }
        assert!(is_utf8("a%E4%B8%AD") && !is_utf8("%ff"));
    }
}
