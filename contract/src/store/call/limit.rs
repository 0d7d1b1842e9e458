//! Limits of how often something may be done.

use super::Call;
use crate::store::redis as keys;
use domain::Ms;

/// A second.
pub const SECOND_MS: Ms = 1_000;
/// A minute.
pub const MINUTE_MS: Ms = 60_000;

/// Takes a token from the bucket at `key`, which holds as many as come back within this time.
pub fn take(key: String, tokens: u32, within_ms: Ms) -> Call<'static> {
    // One that comes back in less than a microsecond is no limit.
    let each_us = within_ms.saturating_mul(1_000) / u64::from(tokens.max(1));
    Call::new(&keys::BUCKET, [key])
        .arg(tokens)
        .text(as_ms(each_us.max(1)))
}

/// Counts a request in the window at `key`, which takes so many within this time.
pub fn count(key: String, requests: u32, window_ms: Ms) -> Call<'static> {
    Call::new(&keys::WINDOW, [key]).arg(requests).arg(window_ms)
}

fn as_ms(us: u64) -> String {
    match us % 1_000 {
        0 => (us / 1_000).to_string(),
        rest => format!("{}.{rest:03}", us / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buckets_tokens_come_back_within_its_time() {
        for (tokens, within_ms, each_ms) in [
            (1, MINUTE_MS, "60000"),
            (10, MINUTE_MS, "6000"),
            (60_000, MINUTE_MS, "1"),
            (u32::MAX, MINUTE_MS, "0.001"),
            (0, MINUTE_MS, "60000"),
            (100, SECOND_MS, "10"),
            (3, SECOND_MS, "333.333"),
            (5_000, SECOND_MS, "0.200"),
        ] {
            let call = take("k".to_owned(), tokens, within_ms);
            assert_eq!(call.arguments[1], each_ms, "{tokens} in {within_ms} ms");
        }
    }
}
