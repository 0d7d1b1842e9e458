//! Takes where somebody lives and how to call them out of a raw message, before it is shown. The message may be broken,
//! cut off, or JSON within a JSON string: so names are looked for in the text as it is, and when in doubt more is
//! hidden.

/// Parts of the names of fields that are nobody's business, in lower case.
const PRIVATE: [&str; 6] = ["address", "phone", "mobile", "地址", "电话", "手机"];
pub const HIDDEN: &str = "***";

/// `text` with the values of such fields replaced.
pub fn masked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_of_name) {
        let name_end = rest[start..]
            .find(|c| !is_of_name(c))
            .map_or(rest.len(), |end| start + end);
        let name = rest[start..name_end].to_lowercase();
        let mut end = name_end;
        let private = PRIVATE.iter().any(|part| name.contains(part));
        let value = private.then(|| value(&rest[name_end..])).flatten();
        shown.push_str(&rest[..name_end]);
        if let Some(value) = value {
            shown.push_str(&rest[name_end..name_end + value.start]);
            shown.push_str(HIDDEN);
            end += value.end;
        }
        rest = &rest[end..];
    }
    shown.push_str(rest);
    shown
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

/// Where the value lies in what follows a field's name; `None` where that is no field but a word.
fn value(after: &str) -> Option<std::ops::Range<usize>> {
    let skip = |from: usize, skipped: &[char]| {
        after[from..]
            .find(|c: char| !c.is_whitespace() && !skipped.contains(&c))
            .map_or(after.len(), |at| from + at)
    };
    let at = skip(0, &['\\', '"', '\'', ']']);
    if !after[at..].starts_with([':', '=', '：']) {
        return None;
    }
    let start = skip(at, &[':', '=', '：', '>']);
    let quoted = &after[start..];
    let inside = quoted.trim_start_matches('\\');
    let escapes = quoted.len() - inside.len();
    let end = match inside.chars().next()? {
        quote @ ('"' | '\'') => {
            return Some(
                start + escapes + 1..start + escapes + 1 + text_end(&inside[1..], quote, escapes),
            );
        }
        open @ ('{' | '[') => nested_end(inside, open),
        _ => inside
            .find([',', '}', ']', '&', ';', '\n', '\r', '"'])
            .unwrap_or(inside.len()),
    };
    // `null` and numbers end where the next field begins; a value that is empty hides nothing.
    (end > 0).then_some(start + escapes..start + escapes + end)
}

/// Length of a text up to the quote that ends it: one with as many escapes before it as the opening one had.
fn text_end(text: &str, quote: char, escapes: usize) -> usize {
    let mut before = 0;
    for (at, c) in text.char_indices() {
        if c == '\\' {
            before += 1;
        } else {
            if c == quote && before <= escapes {
                return at - before;
            }
            before = 0;
        }
    }
    text.len()
}

/// Length of an object or a list with what is in it; all the rest where it does not end. Brackets within its texts
/// count too: such a value hides more, never less, unless it closes more than it opens.
fn nested_end(text: &str, open: char) -> usize {
    let close = if open == '{' { '}' } else { ']' };
    let mut depth = 0usize;
    let mut within: Option<(char, usize)> = None;
    let mut escapes = 0;
    for (at, c) in text.char_indices() {
        if c == '\\' {
            escapes += 1;
            continue;
        }
        match within {
            Some((quote, opened)) if c == quote && escapes <= opened => within = None,
            Some(_) => {}
            None if c == '"' => within = Some((c, escapes)),
            None if c == open => depth += 1,
            None if c == close => {
                depth -= 1;
                if depth == 0 {
                    return at + c.len_utf8();
                }
            }
            None => {}
        }
        escapes = 0;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_private_is_hidden() {
        for (text, shown) in [
            (
                r#"{"user_id":7,"shipping_address":"Main St 1, \"rear\"","remark":"x"}"#,
                r#"{"user_id":7,"shipping_address":"***","remark":"x"}"#,
            ),
            (
                r#"{"Phone" : 13800000000, "quantity":-1}"#,
                r#"{"Phone" : ***, "quantity":-1}"#,
            ),
            (
                r#"{"event":"{\"shipping_address\":\"Main \\\"St\\\" 1\",\"remark\":\"y\"}"}"#,
                r#"{"event":"{\"shipping_address\":\"***\",\"remark\":\"y\"}"}"#,
            ),
            (
                r#"{"address":{"street":"Main }","lines":[{"no":1}]},"quantity":2}"#,
                r#"{"address":***,"quantity":2}"#,
            ),
            (r#"{"phones":["1","2"],"a":1}"#, r#"{"phones":***,"a":1}"#),
            (
                "user=7&contactPhone=138&quantity=1",
                "user=7&contactPhone=***&quantity=1",
            ),
            ("{address: 'Main St', n: 1}", "{address: '***', n: 1}"),
            ("{\"收货地址\":\"某路1号\"}", "{\"收货地址\":\"***\"}"),
            ("shipping_address is missing", "shipping_address is missing"),
            ("", ""),
        ] {
            assert_eq!(masked(text), shown, "{text}");
        }
    }

    #[test]
    fn what_is_cut_off_stays_hidden() {
        let whole = r#"{"kind":"order","event":"{\"shipping_address\":\"Secret 9\",\"phone\":[\"Secret\",\"Secret\"],\"x\":{\"address\":{\"a\":\"Secret\"}}}"}"#;
        assert!(!masked(whole).contains("Secret"));
        for end in 0..=whole.len() {
            let shown = masked(&whole[..end]);
            for part in ["Secret", "Secre", "Secr", "Sec"] {
                assert!(!shown.contains(part), "{end}: {shown}");
            }
        }
    }
}
