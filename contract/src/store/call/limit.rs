//! Limits of how often something may be tried.

use super::Call;
use crate::store::redis as keys;

const MINUTE_MS: u32 = 60_000;

/// Takes a token from the bucket at `key`, which holds as many as come back in a minute.
pub fn take(key: String, per_minute_max: u32) -> Call<'static> {
    // One that comes back in less than a millisecond is no limit.
    let each_ms = (MINUTE_MS / per_minute_max.max(1)).max(1);
    Call::new(&keys::BUCKET, [key])
        .arg(per_minute_max)
        .arg(each_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_tokens_come_back_in_a_minute() {
        for (per_minute, each_ms) in [
            (1, "60000"),
            (10, "6000"),
            (60_000, "1"),
            (u32::MAX, "1"),
            (0, "60000"),
        ] {
            let call = take("k".to_owned(), per_minute);
            assert_eq!(call.arguments[1], each_ms, "{per_minute}");
        }
    }
}
