//! Percent-encoded text of a request's target (RFC 3986): read, and written in one spelling.

/// What a plus stands for: a space in a query, as forms write it; itself in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plus {
    /// A plus.
    Itself,
    /// A space.
    Space,
}

/// The text; bytes that are no UTF-8 are replaced.
pub fn decode(text: &str, plus: Plus) -> String {
    String::from_utf8_lossy(&bytes(text, plus)).into_owned()
}

/// Whether the text, decoded, is UTF-8.
pub fn is_utf8(text: &str) -> bool {
    !text.contains('%') || String::from_utf8(bytes(text, Plus::Itself)).is_ok()
}

/// What the text stands for, UTF-8 or not. A percent sign without two digits stands for itself.
pub fn bytes(text: &str, plus: Plus) -> Vec<u8> {
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

/// The one spelling of some bytes: all but letters, digits and `-._~` escaped, with digits in upper case.
pub fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            true => text.push(char::from(*byte)),
            false => text.extend(['%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
    text
}

/// The parameters of a query in their order, name and value as they were sent. A name without `=` has an empty value.
pub fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
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
        assert_eq!(bytes("%ff%00", Plus::Itself), [255, 0]);
    }

    #[test]
    fn one_spelling_of_bytes() {
        assert_eq!(
            encode("aZ09-._~ +/%中".as_bytes()),
            "aZ09-._~%20%2B%2F%25%E4%B8%AD"
        );
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(bytes(&encode(&all), Plus::Space), all);
    }

    #[test]
    fn pairs_as_they_were_sent() {
        let all: Vec<_> = pairs("a=1+2&&b&=c&d=%26=").collect();
        assert_eq!(all, [("a", "1+2"), ("b", ""), ("", "c"), ("d", "%26=")]);
        assert_eq!(pairs("").count(), 0);
    }
}
