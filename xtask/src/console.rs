//! What a person sees: on a terminal a spinner or bar for what takes long, elsewhere plain lines;
//! either way one line with its time when it is done.

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

/// Prints a failure: what happened, then what caused it, one a line.
pub fn error(error: &Error) {
    line(format_args!("error: {error}"));
    for cause in error.chain().skip(1) {
        line(format_args!("  because: {cause}"));
    }
}

/// Something that takes a while, shown while it runs.
pub struct Step {
    name: String,
    started: Instant,
    bar: Option<ProgressBar>,
    told: u64,
}

impl Step {
    /// How far it is, with a word about what is done now.
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
                // A line for each quarter is enough where lines stay.
                let quarter = (done * 4).checked_div(total).unwrap_or(0);
                if quarter > self.told {
                    self.told = quarter;
                    line(format_args!("  {:NAME_WIDTH$} {done}/{total}", self.name));
                }
            }
        }
    }
}

/// Runs `work`, showing it as `name`, and prints how long it took.
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
        told: 0,
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
