//! A separate wall clock for a process, for tests of clocks that differ: a few functions of the C library are replaced
//! in the process (`clock.c`) and add the seconds in a file. Monotonic clocks are not changed.

use crate::home::Home;
use crate::process::{Launch, Process};
use crate::program;
use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

const SOURCE: &str = include_str!("clock.c");

/// The offset of one process's wall clock.
#[derive(Debug)]
pub struct Clock {
    file: PathBuf,
    library: PathBuf,
}

impl Clock {
    /// A clock that is right at first.
    ///
    /// # Errors
    /// When there is no C compiler, or a file cannot be written.
    pub fn new(home: &Home, name: &str) -> Result<Clock> {
        let folder = home.dir("clocks")?;
        let clock = Clock {
            file: folder.join(name),
            library: folder.join(format!("{name}.so")),
        };
        File::create(&clock.file)?;
        clock.set(0)?;
        let source = folder.join(format!("{name}.c"));
        fs::write(&source, SOURCE)?;
        let compiled = Command::new(program::find("cc")?)
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&clock.library, &source])
            .arg("-ldl")
            .status()?;
        ensure!(compiled.success(), "clock.c does not compile");
        Ok(clock)
    }

    /// Sets it forward or back; a running process sees that at its next call.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set(&self, seconds_ahead: i64) -> Result<()> {
        // Written in place, as processes have mapped the file.
        let file = File::options().write(true).open(&self.file)?;
        file.write_all_at(&seconds_ahead.to_ne_bytes(), 0)
            .context("setting a clock")
    }

    /// Checks that a running process uses it.
    ///
    /// # Errors
    /// When it does not.
    pub fn is_used_by(&self, process: &Process) -> Result<()> {
        let pid = process.pid().context("no process")?;
        let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
        let file = self.file.display().to_string();
        ensure!(maps.contains(&file), "{file} is not read by process {pid}");
        Ok(())
    }

    pub(crate) fn apply(&self, launch: Launch) -> Launch {
        launch
            .env("LD_PRELOAD", &self.library)
            .env("CLOCK_FILE", &self.file)
    }
}
