//! What the sales loop remembers between rounds: sales that failed, each with its own backoff, and sales that Redis has
//! lost.

use super::watch::Running;
use crate::limits::{SALES_EVERY_MS, SALES_RECALL_AFTER_MS, SALES_TROUBLE_MS_MAX};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// A step that the loop does with a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// Compare an open sale with Redis.
    Watch,
    /// Close a sale whose time is over.
    Close,
    /// Return unsold units to the ordinary stock.
    GiveBack,
    /// Restore a sale that Redis lost.
    Recall,
}

#[derive(Debug)]
struct Trouble {
    failures: u32,
    until: Instant,
}

#[derive(Debug)]
struct Lost {
    sale: Running,
    since: Instant,
}

/// Backoffs per task and sale, and lost sales; sales are known by their number.
#[derive(Debug, Default)]
pub struct Care {
    troubles: HashMap<(Task, u64), Trouble>,
    lost: HashMap<u64, Lost>,
}

/// Doubles per failure, so that a sale that stays faulty costs little.
fn pause(failures: u32) -> Duration {
    let doubled = SALES_EVERY_MS << failures.min(16);
    Duration::from_millis(doubled.min(SALES_TROUBLE_MS_MAX))
}

impl Care {
    /// Whether the task still backs off from the sale with this number.
    pub fn is_left_alone(&self, task: Task, number: u64) -> bool {
        let trouble = self.troubles.get(&(task, number));
        trouble.is_some_and(|trouble| Instant::now() < trouble.until)
    }

    /// Records a task's outcome. An error is logged, starts or extends a backoff, and becomes `None`.
    pub fn ended<T>(&mut self, task: Task, number: u64, outcome: anyhow::Result<T>) -> Option<T> {
        match outcome {
            Ok(done) => {
                self.troubles.remove(&(task, number));
                if task == Task::Recall {
                    self.lost.remove(&number);
                }
                Some(done)
            }
            Err(error) => {
                let before = self.troubles.get(&(task, number));
                let failures = before.map_or(0, |trouble| trouble.failures.saturating_add(1));
                let pause = pause(failures);
                tracing::error!(
                    number,
                    ?task,
                    again_in_ms = pause.as_millis() as u64,
                    "a flash sale: {error:#}"
                );
                let until = Instant::now() + pause;
                self.troubles
                    .insert((task, number), Trouble { failures, until });
                None
            }
        }
    }

    /// Records that Redis does not know this open sale.
    pub fn is_lost(&mut self, sale: Running) {
        let since = Instant::now();
        let number = u64::from(sale.facts.id.number);
        let lost = self.lost.entry(number).or_insert_with(|| {
            tracing::warn!(seckill_id = %sale.facts.id, "Redis does not know this flash sale, which is open");
            Lost {
                sale: sale.clone(),
                since,
            }
        });
        // Its product may have changed.
        lost.sale = sale;
    }

    /// Records that Redis knows the sale with this number.
    pub fn is_known(&mut self, number: u64) {
        self.lost.remove(&number);
    }

    /// Lost sales that are due to be restored. Not at once: a preheat may be running, and a relay may still be writing
    /// purchases that it had read before the loss.
    pub fn to_recall(&self) -> Vec<Running> {
        let after = Duration::from_millis(SALES_RECALL_AFTER_MS);
        self.lost
            .iter()
            .filter(|(number, lost)| {
                lost.since.elapsed() >= after && !self.is_left_alone(Task::Recall, **number)
            })
            .map(|(_, lost)| lost.sale.clone())
            .collect()
    }

    /// Drops backoffs that ended long ago: of sales that are not checked any more.
    pub fn forget_old(&mut self) {
        let now = Instant::now();
        let kept = Duration::from_millis(2 * SALES_TROUBLE_MS_MAX);
        self.troubles
            .retain(|_, trouble| now < trouble.until + kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        let waits: Vec<u64> = (0..9).map(|failures| pause(failures).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(pause(u32::MAX).as_secs(), 60);
    }

    #[test]
    fn each_sale_has_its_own_pause() {
        let mut care = Care::default();
        let wrong = || Err::<(), _>(anyhow::anyhow!("no such row"));
        for failures in 0..3 {
            assert_eq!(care.ended(Task::GiveBack, 1, wrong()), None);
            assert_eq!(care.troubles[&(Task::GiveBack, 1)].failures, failures);
        }
        assert!(care.is_left_alone(Task::GiveBack, 1));
        assert!(!care.is_left_alone(Task::GiveBack, 2) && !care.is_left_alone(Task::Close, 1));
        assert_eq!(care.ended(Task::GiveBack, 1, Ok(7)), Some(7));
        assert!(care.troubles.is_empty());
    }
}
