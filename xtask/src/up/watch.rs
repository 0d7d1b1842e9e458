//! Watches the processes of a running `up`: when one ends, the end of its log is printed and it is restarted after a
//! pause; when one keeps ending, `up` stops. Logs are rotated.

use crate::console;
use anyhow::{Result, bail};
use stack::{Process, is_interrupted};
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(100);
const LOGS_EVERY: Duration = Duration::from_secs(5);
/// Ends further apart than this count as separate failures.
const REMEMBERED: Duration = Duration::from_secs(300);
const PAUSE_FIRST: Duration = Duration::from_millis(500);
const ENDS_MAX: u32 = 5;

struct Watched<'a> {
    process: &'a Process,
    ends: u32,
    last_end: Instant,
    start_at: Option<Instant>,
}

/// Keeps the processes running until a signal asks to stop.
///
/// # Errors
/// When a process ends too often.
pub fn until_interrupted(processes: &[&Process]) -> Result<()> {
    let now = Instant::now();
    let mut all: Vec<Watched> = processes
        .iter()
        .map(|process| Watched {
            process,
            ends: 0,
            last_end: now,
            start_at: None,
        })
        .collect();
    let mut logs_at = now + LOGS_EVERY;
    while !is_interrupted() {
        if Instant::now() >= logs_at {
            logs_at = Instant::now() + LOGS_EVERY;
            processes.iter().for_each(|process| rotate(process));
        }
        all.iter_mut()
            .try_for_each(|watched| watched.look(Instant::now()))?;
        thread::park_timeout(TICK);
    }
    Ok(())
}

/// A log that cannot be rotated is no reason to stop.
fn rotate(process: &Process) {
    if let Err(error) = process.rotate_log() {
        console::line(format_args!("{error:#}"));
    }
}

impl Watched<'_> {
    fn look(&mut self, now: Instant) -> Result<()> {
        match self.start_at {
            None if self.process.ended().is_some() => self.note_end(now),
            Some(at) if now >= at => {
                self.start_at = None;
                self.start_again(now)
            }
            _ => Ok(()),
        }
    }

    fn start_again(&mut self, now: Instant) -> Result<()> {
        let name = self.process.name();
        match console::step(&format!("{name} again"), |_| self.process.start()) {
            Ok(()) => Ok(()),
            Err(_) if is_interrupted() => Ok(()),
            Err(_) => self.note_end(now),
        }
    }

    fn note_end(&mut self, now: Instant) -> Result<()> {
        if now.duration_since(self.last_end) > REMEMBERED {
            self.ends = 0;
        }
        self.ends += 1;
        self.last_end = now;
        console::line(self.process.last_words());
        let Some(pause) = pause_after(self.ends) else {
            bail!("{} ended {} times in a row", self.process.name(), self.ends);
        };
        self.start_at = Some(now + pause);
        Ok(())
    }
}

/// The pause before a restart, doubled each time; `None` after too many ends.
fn pause_after(ends: u32) -> Option<Duration> {
    (ends < ENDS_MAX).then(|| PAUSE_FIRST * 2_u32.pow(ends.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_then_it_is_enough() {
        let pauses: Vec<_> = (1..=5)
            .map(|ends| pause_after(ends).map(|p| p.as_millis()))
            .collect();
        assert_eq!(
            pauses,
            [Some(500), Some(1000), Some(2000), Some(4000), None]
        );
    }
}
