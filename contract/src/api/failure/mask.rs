//! Masks addresses and phone numbers in a raw message before it is shown. The message may be malformed, truncated, or
//! JSON inside a JSON string, so field names are searched in the raw text; in doubt, more is hidden.

/// Parts of the names of private fields, in lower case.
const PRIVATE: [&str; 6] = ["address", "phone", "mobile", "地址", "电话", "手机"];
/// Shown in place of a private value.
pub const HIDDEN: &str = "***";

/// `text` with the values of private fields replaced.
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

/// Range of the value in the text after a field's name; `None` where no value follows, as after a mere word.
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
    // Unquoted values end where the next field begins; an empty value hides nothing.
    (end > 0).then_some(start + escapes..start + escapes + end)
}

/// Length of a string up to its closing quote: one with at most as many escapes before it as the opening quote had.
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

/// Length of an object or a list with its content; all the rest where it does not end. Brackets in double-quoted
/// strings do not count.
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
mod tests;
