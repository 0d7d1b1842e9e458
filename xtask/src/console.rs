//! Output for people: on a terminal a spinner or bar for long steps, elsewhere plain lines; in both cases one line with
//! the duration at the end.

use anyhow::{Error, Result};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::fmt::Display;
use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const NAME_WIDTH: usize = 28;

fn bars() -> &'static MultiProgress {
    static BARS: OnceLock<MultiProgress> = OnceLock::new();
    BARS.get_or_init(MultiProgress::new)
}

fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Prints a line, above the bars if there are any.
pub fn line(text: impl Display) {
    bars().suspend(|| eprintln!("{text}"));
}

/// Prints a line that must be seen: in red on a terminal.
pub fn warning(text: impl Display) {
    match is_terminal() {
        true => line(format_args!("\u{1b}[31m{text}\u{1b}[0m")),
        false => line(text),
    }
}

/// Prints an error and its causes, one per line.
pub fn error(error: &Error) {
    line(format_args!("error: {error}"));
    for cause in error.chain().skip(1) {
        line(format_args!("  because: {cause}"));
    }
}

/// A step that takes a while, shown while it runs.
pub struct Step {
    name: String,
    started: Instant,
    bar: Option<ProgressBar>,
    shown: u64,
}

impl Step {
    /// Shows the progress, and what is being done.
    pub fn at(&mut self, done: u64, total: u64, what: &str) {
        match &self.bar {
            Some(bar) => {
                if bar.length() != Some(total) {
                    bar.set_style(style("  {msg:28} [{bar:30}] {pos}/{len} {prefix:.dim}"));
                    bar.set_length(total);
                }
                bar.set_position(done);
                bar.set_prefix(what.to_owned());
            }
            None => {
                // Plain lines stay, so a line for each quarter is enough.
                let quarter = (done * 4).checked_div(total).unwrap_or(0);
                if quarter > self.shown {
                    self.shown = quarter;
                    line(format_args!("  {:NAME_WIDTH$} {done}/{total}", self.name));
                }
            }
        }
    }
}

/// Runs `work`, shown as `name`, and prints its duration.
///
/// # Errors
/// That of `work`.
pub fn step<T>(name: &str, work: impl FnOnce(&mut Step) -> Result<T>) -> Result<T> {
    let bar = is_terminal().then(|| {
        let bar = bars().add(ProgressBar::new_spinner());
        bar.set_style(style("{spinner} {msg:28} {elapsed}"));
        bar.set_message(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    });
    let mut step = Step {
        name: name.to_owned(),
        started: Instant::now(),
        bar,
        shown: 0,
    };
    if step.bar.is_none() {
        line(format_args!("  {name} ..."));
    }
    let result = work(&mut step);
    if let Some(bar) = step.bar.take() {
        bar.finish_and_clear();
    }
    let took = step.started.elapsed().as_secs_f32();
    let mark = if result.is_ok() { "✓" } else { "✗" };
    line(format_args!("{mark} {name:NAME_WIDTH$} {took:.1} s"));
    result
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .progress_chars("=> ")
}
