//! Whether a client takes compressed replies (RFC 9110, 12.5.3).

/// Whether `Accept-Encoding`, on these lines, takes gzip.
pub fn takes_gzip<'a>(lines: impl Iterator<Item = &'a [u8]>) -> bool {
    let (mut named, mut any) = (None, None);
    for line in lines {
        let Ok(line) = std::str::from_utf8(line) else {
            return false;
        };
        for part in line.split(',') {
            let (coding, weight) = part.split_once(';').unwrap_or((part, ""));
            let wanted = !is_zero(weight);
            match coding.trim().to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => named = Some(wanted),
                "*" => any = Some(wanted),
                _ => {}
            }
        }
    }
    named.or(any).unwrap_or(false)
}

/// `q=0`, `q=0.0` and so on.
fn is_zero(weight: &str) -> bool {
    let value = weight.trim().to_ascii_lowercase();
    let value = value.strip_prefix("q=").map(str::trim);
    value.is_some_and(|value| value.parse() == Ok(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_gzip() {
        let takes = |lines: &[&str]| takes_gzip(lines.iter().map(|line| line.as_bytes()));
        for lines in [
            &["gzip"][..],
            &["GZip;q=0.5"],
            &["br, gzip"],
            &["br", "gzip"],
            &["*"],
            &["identity;q=0, *;q=1"],
        ] {
            assert!(takes(lines), "{lines:?}");
        }
        for lines in [
            &[][..],
            &[""],
            &["br"],
            &["gzip;q=0"],
            &["gzip; Q=0.000, *"],
            &["*;q=0"],
            &["identity"],
        ] {
            assert!(!takes(lines), "{lines:?}");
        }
        assert!(!takes_gzip([&b"gzip\xff"[..]].into_iter()));
    }
}
