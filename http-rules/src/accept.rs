//! What a client accepts (RFC 9110, 12.5.1), as far as errors need it: plain JSON or problem details.

/// Whether `Accept` prefers `application/problem+json`: it must be named, with a quality above 0 that is not below that
/// of `application/json`. `*/*` alone asks for neither.
pub fn prefers_problem_details<'a>(lines: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut problem = None;
    let mut json = Best::default();
    for member in lines.flat_map(|line| line.split(|byte| *byte == b',')) {
        let Some((range, quality)) = member_of(member) else {
            continue;
        };
        match range.as_str() {
            "application/problem+json" => problem = problem.max(Some(quality)),
            "application/json" => json.offer(3, quality),
            "application/*" => json.offer(2, quality),
            "*/*" => json.offer(1, quality),
            _ => {}
        }
    }
    problem.is_some_and(|problem| problem > 0 && problem >= json.quality)
}

/// The quality by the most specific range that matches.
#[derive(Default)]
struct Best {
    precedence: u8,
    quality: u16,
}

impl Best {
    fn offer(&mut self, precedence: u8, quality: u16) {
        if precedence > self.precedence {
            *self = Best {
                precedence,
                quality,
            };
        } else if precedence == self.precedence {
            self.quality = self.quality.max(quality);
        }
    }
}

/// A range in lower case and its quality in thousandths; `None` where either cannot be read.
fn member_of(member: &[u8]) -> Option<(String, u16)> {
    let member = std::str::from_utf8(member).ok()?;
    let mut parts = member.split(';').map(str::trim);
    let range = parts.next()?.to_ascii_lowercase();
    let weight = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("q")
            .then_some(value.trim())
    });
    let quality = weight.map_or(Some(1_000), thousandths)?;
    Some((range, quality))
}

/// `0`, `1`, or either with up to three decimals, at most 1.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_short = decimals.len() <= 3 && decimals.bytes().all(|digit| digit.is_ascii_digit());
    let decimals: u16 = format!("{decimals:0<3}")
        .parse()
        .ok()
        .filter(|_| is_short)?;
    match whole {
        "0" => Some(decimals),
        "1" if decimals == 0 => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefers(lines: &[&str]) -> bool {
        prefers_problem_details(lines.iter().map(|line| line.as_bytes()))
    }

    #[test]
    fn problem_details_are_asked_for_by_name() {
        for lines in [
            &["application/problem+json"][..],
            &["application/problem+json, application/json"],
            &["application/json, application/problem+json"],
            &["application/problem+json, */*"],
            &["application/json;q=0.9", "application/problem+json"],
            &["APPLICATION/Problem+JSON ; Q=0.001"],
            &["application/problem+json;q=0.5, application/*;q=0.5, */*"],
            &["application/json;q=0, application/problem+json;q=0.1, */*"],
        ] {
            assert!(prefers(lines), "{lines:?}");
        }
        for lines in [
            &[][..],
            &[""],
            &["*/*"],
            &["application/*"],
            &["application/json"],
            &["application/problem+json;q=0"],
            &["application/problem+json;q=0.000"],
            &["application/problem+json;q=0.8, application/json"],
            &["application/problem+json;q=0.8, */*"],
            &["application/problem+json;q=2"],
            &["application/problem+json;q=0.1234"],
            &["application/problem+json;q=x"],
            &["application/problem+xml"],
        ] {
            assert!(!prefers(lines), "{lines:?}");
        }
    }
}
