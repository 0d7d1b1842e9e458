//! Dates from milliseconds since the Unix epoch and back, for order numbers and RFC 3339 text.

use crate::Ms;

/// Milliseconds of a day, without leap seconds.
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

/// UTC date, as `2026-11-21`.
pub fn date(ms: Ms) -> String {
    let (year, month, day) = civil(ms);
    format!("{year:04}-{month:02}-{day:02}")
}

/// UTC time, as `2026-11-21T09:30:00.123Z`.
pub fn rfc3339(ms: Ms) -> String {
    let of_day = ms % DAY_MS;
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, milli) = (of_day / 1_000 % 60, of_day % 1_000);
    let date = date(ms);
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Midnight UTC of a date as `2024-01-01`; `None` for any other text.
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

/// Reads an RFC 3339 time: `2026-11-21T09:30:00Z`, optionally with a fraction of a second or another offset. Digits
/// beyond milliseconds are dropped; a leap second counts as the second before it. `None` before 1970.
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
mod tests;
