//! Misbehaviour that a host must survive.

use spin_sdk::wasip3::clocks::monotonic_clock;

/// Ends the instance, once it has read the request.
pub fn trap(request: &[u8]) -> String {
    panic!("told to in {} bytes", request.len());
}

/// Keeps the processor busy for ever.
pub fn spin() -> String {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
        if turns == u64::MAX {
            return "done".to_owned();
        }
    }
}

/// Keeps the processor busy for as many million turns as the query says.
pub fn compute(query: &str) -> String {
    let turns = query.parse::<u64>().unwrap_or(1).saturating_mul(1_000_000);
    let mut sum = 0_u64;
    for turn in 0..turns {
        sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(turn));
    }
    sum.to_string()
}

/// Waits far beyond any deadline: an hour.
pub async fn wait() -> String {
    monotonic_clock::wait_for(3_600_000_000_000).await;
    "done".to_owned()
}

/// Allocates memory until there is none left; a refused allocation ends the instance.
pub fn hog() -> String {
    let mut all = Vec::new();
    loop {
        all.push(vec![1_u8; 1 << 20]);
        if all.len() > 4096 {
            return "4 GiB".to_owned();
        }
    }
}
