//! Dates from milliseconds since the Unix epoch and back, for order numbers and RFC 3339 text.

use crate::Ms;

pub const DAY_MS: u64 = 86_400_000;

/// Year, month 1-12 and day 1-31 of a moment, UTC (proleptic Gregorian).
pub fn civil(ms: Ms) -> (u32, u32, u32) {
    // Eras of 400 years starting in March, so that the leap day is the last of its year.
    let days = ms / DAY_MS + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year as u32, month as u32, day as u32)
}

/// Midnight UTC of a date, or `None` where there is no such date from 1970 to 9999.
pub fn midnight(year: u32, month: u32, day: u32) -> Option<Ms> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let shifted_year = u64::from(if month <= 2 { year - 1 } else { year });
    let era = shifted_year / 400;
    let year_of_era = shifted_year % 400;
    let march_month = u64::from(if month > 2 { month - 3 } else { month + 9 });
    let of_year = (153 * march_month + 2) / 5 + u64::from(day) - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    let ms = (era * 146_097 + of_era).checked_sub(719_468)? * DAY_MS;
    (civil(ms) == (year, month, day)).then_some(ms)
}

/// The first moment of the day a moment lies in, UTC.
pub const fn day_start(ms: Ms) -> Ms {
    ms - ms % DAY_MS
}

/// `2026-11-21`
pub fn date(ms: Ms) -> String {
    let (year, month, day) = civil(ms);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2026-11-21T09:30:00.123Z`
pub fn rfc3339(ms: Ms) -> String {
    let of_day = ms % DAY_MS;
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, milli) = (of_day / 1_000 % 60, of_day % 1_000);
    let date = date(ms);
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// A date `2024-01-01` as its midnight UTC.
pub fn parse_date(text: &str) -> Option<Ms> {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| -> Option<u32> {
        let part = bytes.get(range)?;
        part.iter().all(u8::is_ascii_digit).then(|| {
            part.iter()
                .fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0'))
        })
    };
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    midnight(digits(0..4)?, digits(5..7)?, digits(8..10)?)
}

/// A moment of RFC 3339: `2026-11-21T09:30:00Z`, with a fraction of a second or an offset where there is one.
/// What a fraction says beyond milliseconds is dropped; a leap second counts as the last one before it.
pub fn parse_rfc3339(text: &str) -> Option<Ms> {
    let date = parse_date(text.get(..10)?)?;
    let rest = text.get(10..)?.strip_prefix(['T', 't', ' '])?;
    let two = |text: &str, max: u64| -> Option<u64> {
        let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        let number = digits.then(|| text.parse().ok()).flatten()?;
        (number <= max).then_some(number)
    };
    let clock = |text: &str| -> Option<u64> {
        let minutes = text.get(2..)?.strip_prefix(':')?;
        Some(two(text.get(..2)?, 23)? * 60 + two(minutes, 59)?)
    };
    let minutes = clock(rest.get(..5)?)?;
    let second = two(rest.get(5..8)?.strip_prefix(':')?, 60)?.min(59);
    let mut rest = rest.get(8..)?;
    let mut milli = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        let kept = fraction.get(..digits.min(3))?;
        milli = kept.parse::<u64>().ok()? * [100, 10, 1][kept.len() - 1];
        rest = fraction.get(digits..)?;
    }
    let local = date + minutes * 60_000 + second * 1_000 + milli;
    match (rest, rest.get(..1)?, rest.get(1..)?) {
        ("Z" | "z", ..) => Some(local),
        (_, "+", offset) => local.checked_sub(clock(offset)? * 60_000),
        (_, "-", offset) => Some(local + clock(offset)? * 60_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(1_704_067_200_000), (2024, 1, 1));
        assert_eq!(midnight(2024, 2, 29), Some(1_709_164_800_000));
        assert_eq!(midnight(2023, 2, 29), None);
        assert_eq!(midnight(2100, 2, 29), None);
        // The last day of an era.
        assert_eq!(civil(951_782_400_000), (2000, 2, 29));
        let none = [
            (1969, 12, 31),
            (10_000, 1, 1),
            (2024, 0, 1),
            (2024, 13, 1),
            (2024, 3, 0),
        ];
        for (year, month, day) in none {
            assert_eq!(midnight(year, month, day), None, "{year}-{month}-{day}");
        }
        assert_eq!(parse_date("2024-01-01"), Some(1_704_067_200_000));
        for bad in [
            "2024-1-1",
            "2024-13-01",
            "20240101",
            "2024-01-01T",
            "",
            "2024-01-0a",
            "2024x01-01",
            "2024-01x01",
        ] {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
        assert_eq!(rfc3339(1_709_210_096_007), "2024-02-29T12:34:56.007Z");
    }

    #[test]
    fn moments_of_rfc_3339() {
        let noon = 1_709_208_000_000;
        for (text, ms) in [
            ("2024-02-29T12:00:00Z", noon),
            ("2024-02-29t12:00:00z", noon),
            ("2024-02-29T20:00:00+08:00", noon),
            ("2024-02-29T07:30:00-04:30", noon),
            ("2024-02-29T12:00:00.5Z", noon + 500),
            ("2024-02-29T12:00:00.007999Z", noon + 7),
            ("2024-02-29T12:00:60Z", noon + 59_000),
        ] {
            assert_eq!(parse_rfc3339(text), Some(ms), "{text}");
        }
        for bad in [
            "",
            "2024-02-29",
            "2024-02-29T12:00:00",
            "2024-02-29T24:00:00Z",
            "2024-02-29T12:00:00.Z",
            "2024-02-29T+1:00:00Z",
            "2023-02-29T12:00:00Z",
            "2024-02-29T12:00Z",
            "2024-02-29T12:00:00+8",
            "1970-01-01T00:00:00+01:00",
            "2024-02-29T12:00:00é",
            "2024-02-29T1é:00:00Z",
        ] {
            assert_eq!(parse_rfc3339(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_moment_comes_back(ms in 0u64..250_000_000_000_000) {
            prop_assert_eq!(parse_rfc3339(&rfc3339(ms)), Some(ms));
        }

        #[test]
        fn no_text_is_too_odd(text in ".{0,40}") {
            let _ = parse_rfc3339(&text);
        }

        #[test]
        fn a_date_comes_back(days in 0u64..2_900_000) {
            let ms = days * DAY_MS;
            let (year, month, day) = civil(ms);
            prop_assert_eq!(midnight(year, month, day), Some(ms));
            prop_assert_eq!(parse_date(&date(ms + DAY_MS - 1)), Some(day_start(ms + 1)));
        }
    }
}
