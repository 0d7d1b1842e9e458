//! The result of one measurement, and the median and spread of several.

use std::time::Duration;

/// Latencies in microseconds that 50 %, 99 % and 99.9 % of the replies did not exceed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quantiles {
    pub p50: u64,
    pub p99: u64,
    pub p999: u64,
}

impl Quantiles {
    /// The median of each over several rounds.
    pub fn medians(rounds: &[Quantiles]) -> Quantiles {
        let middle = |of: fn(&Quantiles) -> u64| {
            Median::of(rounds.iter().map(|round| of(round) as f64)).middle as u64
        };
        Quantiles {
            p50: middle(|round| round.p50),
            p99: middle(|round| round.p99),
            p999: middle(|round| round.p999),
        }
    }
}

/// One round of one peer.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Good replies a second.
    pub rate: f64,
    pub latency: Quantiles,
    /// Microseconds of processor time per reply, by process.
    pub cpu: Vec<(&'static str, f64)>,
    /// Resident memory of the peer after the round.
    pub memory_bytes: u64,
}

/// The median of some figures, with the lowest and the highest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Median {
    pub middle: f64,
    pub low: f64,
    pub high: f64,
}

impl Median {
    /// All zero where there are no figures.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Median {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let (Some(low), Some(high)) = (figures.first(), figures.last()) else {
            return Median::default();
        };
        let half = figures.len() / 2;
        let middle = match figures.len() % 2 {
            0 => f64::midpoint(figures[half - 1], figures[half]),
            _ => figures[half],
        };
        Median {
            middle,
            low: *low,
            high: *high,
        }
    }
}

/// A rate from a count.
pub fn per_second(count: u64, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64().max(1e-9)
}

/// A figure in readable form.
pub fn shown(value: f64) -> String {
    if value >= 100.0 {
        let digits = format!("{value:.0}");
        let mut text = String::with_capacity(digits.len() + 4);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at) % 3 == 0 {
                text.push(',');
            }
            text.push(digit);
        }
        text
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_figures() {
        let of = |figures: &[f64]| Median::of(figures.iter().copied());
        assert_eq!(of(&[]), Median::default());
        assert_eq!(of(&[3.0, 1.0, 2.0]).middle, 2.0);
        let even = of(&[4.0, 1.0, 2.0, 3.0]);
        assert_eq!((even.low, even.middle, even.high), (1.0, 2.5, 4.0));
    }

    #[test]
    fn figures_are_readable() {
        assert_eq!(shown(1234567.4), "1,234,567");
        assert_eq!(shown(100.0), "100");
        assert_eq!(shown(12.5), "12.50");
    }
}
