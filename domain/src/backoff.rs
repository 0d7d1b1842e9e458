//! Backoff schedules, as pure functions of the attempt.

use crate::limits::{AWAY_RETRY_MS_MAX, FAILURE_RETRY_MAX, PUBLISH_RETRY_MAX, STOCK_SPIN_MAX};

/// Wait before retry number `retry` (0-based) of a stock update that met a lock: 5, 10, 20, 40, 50, 50, 50, 50 ms, then
/// `None`: contended. The caller's deadline may end the retries earlier.
pub fn stock_spin_ms(retry: u32) -> Option<u64> {
    (retry < STOCK_SPIN_MAX).then(|| (5u64 << retry.min(4)).min(50))
}

/// Wait after refusal number `refused` (1-based) of a message by the bus: 1, 2, 4, 8, 16 s, then `None`: given up.
pub fn refused_retry_ms(refused: u32) -> Option<u64> {
    (1..=PUBLISH_RETRY_MAX)
        .contains(&refused)
        .then(|| 1_000 << (refused - 1))
}

/// Wait after failed send number `failed` (1-based) to an unreachable bus: 1, 2, 4, 8, 16 s, then 30 s without end. An
/// outage says nothing about the message.
pub fn away_retry_ms(failed: u32) -> u64 {
    (1_000u64 << failed.saturating_sub(1).min(5)).min(AWAY_RETRY_MS_MAX)
}

/// Wait before retry number `retry` (1-based) of a message that could not become an order: 1, 2, 4, 8, 16 s, then
/// `None`: given up.
pub fn failure_retry_ms(retry: u32) -> Option<u64> {
    (1..=FAILURE_RETRY_MAX)
        .contains(&retry)
        .then(|| 1_000 << (retry - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stock_spins_for_275_ms_in_all() {
        let waits: Vec<u64> = (0..99).map_while(stock_spin_ms).collect();
        assert_eq!(waits, [5, 10, 20, 40, 50, 50, 50, 50]);
        assert_eq!(waits.iter().sum::<u64>(), 275);
    }

    #[test]
    fn what_is_refused_is_sent_five_times_more() {
        let waits: Vec<u64> = (1..99).map_while(refused_retry_ms).collect();
        assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000]);
        assert_eq!(refused_retry_ms(0), None);
    }

    #[test]
    fn being_away_is_waited_for_without_end() {
        let waits: Vec<u64> = (1..=7).map(away_retry_ms).collect();
        assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        assert_eq!(away_retry_ms(u32::MAX), 30_000);
    }

    #[test]
    fn failures_are_retried_five_times() {
        let waits: Vec<u64> = (1..99).map_while(failure_retry_ms).collect();
        assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000]);
    }
}
