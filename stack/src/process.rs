//! A child process: started, probed until ready, paused, killed, and started again as it was. Its output goes to a log
//! file whose tail is part of every error about it.

use crate::clock::Clock;
use crate::home::Home;
use crate::log;
use crate::program;
use crate::spawner;
use crate::wait::{is_interrupted, poll, wait_ok};
use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Niceness of a process that gives way: a fifth of the CPU weight of others. With more, an order became readable a
/// quarter of a second later at a rate far from the limit.
pub const NICENESS: &str = "7";
const KILLED_WITHIN: Duration = Duration::from_secs(10);

type Probe = Box<dyn Fn() -> Result<()> + Send + Sync>;

/// What to start and how to know that it is ready.
pub struct Launch {
    name: String,
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    cwd: PathBuf,
    log: PathBuf,
    pid_file: PathBuf,
    probe: Probe,
    ready_within: Duration,
    stop_within: Duration,
    farewell: Signal,
    gives_way: bool,
    is_unheard: bool,
}

impl Launch {
    /// `program` as the process `name`, working in its folder of `home`, which also has its log (`NAME.log`) and pid
    /// file (`NAME.pid`). Without a probe it counts as ready at once.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(home: &Home, name: &str, program: impl Into<PathBuf>) -> Result<Self> {
        let cwd = home.dir(name)?;
        Ok(Self {
            name: name.to_owned(),
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            log: cwd.join(format!("{name}.log")),
            pid_file: cwd.join(format!("{name}.pid")),
            cwd,
            probe: Box::new(|| Ok(())),
            ready_within: Duration::from_secs(30),
            stop_within: Duration::from_secs(30),
            farewell: home.farewell(),
            gives_way: false,
            is_unheard: false,
        })
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable; secrets are passed this way, never as arguments.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((key.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Replaces its wall clock.
    pub fn clock(self, clock: Option<&Clock>) -> Self {
        match clock {
            Some(clock) => clock.apply(self),
            None => self,
        }
    }

    /// Works in `cwd` instead of its own folder.
    pub fn cwd(mut self, cwd: impl Into<PathBuf>) -> Self {
        self.cwd = cwd.into();
        self
    }

    /// Ready is when `probe` succeeds, at most `within` after the start.
    pub fn ready(
        mut self,
        within: Duration,
        probe: impl Fn() -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.ready_within = within;
        self.probe = Box::new(probe);
        self
    }

    /// How long SIGTERM may take before SIGKILL follows.
    pub fn stop_within(mut self, within: Duration) -> Self {
        self.stop_within = within;
        self
    }

    /// Whether it has a lower priority than others.
    pub fn gives_way(mut self, gives_way: bool) -> Self {
        self.gives_way = gives_way;
        self
    }

    /// Makes its standard output a pipe that nobody reads, which is soon full; only standard error goes to the log.
    pub fn unheard(mut self) -> Self {
        self.is_unheard = true;
        self
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// When it cannot be started, ends, or is not ready in time; with the tail of its log.
    pub fn start(self) -> Result<Process> {
        let process = Process {
            launch: self,
            child: Mutex::new(None),
        };
        process.start()?;
        Ok(process)
    }

    fn command(&self) -> Result<Command> {
        let mut command = if self.gives_way {
            // `nice` becomes the program: pid and signals are the program's.
            let mut nice = Command::new("nice");
            nice.args(["-n", NICENESS]).arg(&self.program);
            nice
        } else {
            Command::new(&self.program)
        };
        let log = log::open(&self.log)?;
        let stdout = match self.is_unheard {
            // The child's handle keeps the reading end of the pipe open.
            true => Stdio::piped(),
            false => log.try_clone()?.into(),
        };
        program::forget_package(&mut command);
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(key, value)| (key, value)))
            .current_dir(&self.cwd)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(log);
        Ok(command)
    }
}

/// A running (or ended) child process. All methods may be called from any thread.
pub struct Process {
    launch: Launch,
    child: Mutex<Option<Child>>,
}

impl Process {
    /// Its name, as given.
    pub fn name(&self) -> &str {
        &self.launch.name
    }

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.launch.log
    }

    /// Its process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        let mut child = self.lock();
        match child.as_mut().map(|child| (child.id(), child.try_wait())) {
            Some((pid, Ok(None))) => Some(pid),
            _ => None,
        }
    }

    /// How it ended, once it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.lock()
            .as_mut()
            .and_then(|child| child.try_wait().ok().flatten())
    }

    /// Starts it, again if it ran before, with the same arguments, data and port; waits until ready.
    ///
    /// # Errors
    /// When it runs already, cannot be started, ends, or is not ready in time.
    pub fn start(&self) -> Result<()> {
        let name = &self.launch.name;
        ensure!(self.pid().is_none(), "{name} runs already");
        let child = spawner::spawn(self.launch.command()?, self.launch.farewell)
            .with_context(|| format!("cannot start {name} ({})", self.launch.program.display()))?;
        fs::write(&self.launch.pid_file, child.id().to_string())?;
        *self.lock() = Some(child);
        let ready = self.wait_ready();
        if ready.is_err() {
            self.let_go();
        }
        ready
    }

    /// Waits until the probe succeeds.
    ///
    /// # Errors
    /// When the process ends first or time is up; with the tail of its log.
    pub fn wait_ready(&self) -> Result<()> {
        let verdict = wait_ok(
            self.launch.ready_within,
            &format!("{} ready", self.name()),
            || {
                // An outer Err is retried, an inner one is final.
                if self.ended().is_some() {
                    return Ok(Err(anyhow!("it ended instead of getting ready")));
                }
                (self.launch.probe)().map(Ok)
            },
        );
        match verdict.and_then(|inner| inner) {
            Err(error) if !is_interrupted() => Err(error.context(self.last_words())),
            other => other,
        }
    }

    /// Asks it to end (SIGTERM) and waits; SIGKILL once its time is up. Does nothing where it has ended.
    ///
    /// # Errors
    /// When it had to be killed, or ended by itself with a failure.
    pub fn stop(&self) -> Result<()> {
        let name = &self.launch.name;
        self.signal(Signal::TERM);
        // A paused process does not handle SIGTERM.
        self.signal(Signal::CONT);
        let within = self.launch.stop_within;
        let Some(status) = poll(within, || self.gone()) else {
            self.kill();
            bail!(
                "{name} did not end within {} s of SIGTERM and was killed",
                within.as_secs()
            );
        };
        let fine = status.is_none_or(|status| status.success() || by_term(status));
        ensure!(fine, "{name} {}", status.map(ending).unwrap_or_default());
        Ok(())
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
        let _ = poll(KILLED_WITHIN, || self.gone());
    }

    /// Freezes it (SIGSTOP).
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Resumes it after a pause (SIGCONT).
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// `stop`, then `start` on the same data and port.
    ///
    /// # Errors
    /// As those two.
    pub fn restart(&self) -> Result<()> {
        self.stop()?;
        self.start()
    }

    /// Rotates its log if that is too long, while it runs.
    ///
    /// # Errors
    /// Where the files cannot be written.
    pub fn rotate_log(&self) -> Result<()> {
        log::rotate(&self.launch.log, log::BYTES_MAX)
            .with_context(|| format!("cannot rotate {}", self.launch.log.display()))
    }

    /// How it ended, or that it still runs, and the last lines of its log.
    pub fn last_words(&self) -> String {
        let state = self.ended().map_or_else(|| "still runs".to_owned(), ending);
        let lines =
            log::tail(&self.launch.log).unwrap_or_else(|error| format!("(unreadable: {error})"));
        format!(
            "{} {state}; the end of {}:\n{lines}",
            self.name(),
            self.launch.log.display()
        )
    }

    /// Ends it: gracefully where its data is kept, at once where not.
    fn let_go(&self) {
        if self.launch.farewell == Signal::KILL {
            self.kill();
        } else {
            let _ = self.stop();
        }
    }

    /// `Some` once there is no process; without a status where it was never started.
    fn gone(&self) -> Option<Option<ExitStatus>> {
        let mut child = self.lock();
        let Some(child) = child.as_mut() else {
            return Some(None);
        };
        let status = child.try_wait().ok().flatten()?;
        let _ = fs::remove_file(&self.launch.pid_file);
        Some(Some(status))
    }

    /// Signals the whole process group; does nothing where it has ended.
    fn signal(&self, signal: Signal) {
        let mut child = self.lock();
        let Some(child) = child.as_mut() else { return };
        // Checked under the lock: a reaped pid may belong to another process.
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(pid, signal).or_else(|_| kill_process(pid, signal));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// Sends SIGTERM to a process that is not our child.
///
/// # Errors
/// When there is no such process, or it may not be signalled.
pub fn terminate(pid: u32) -> Result<()> {
    let target = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let target = target.with_context(|| format!("{pid} is not a process id"))?;
    kill_process(target, Signal::TERM).with_context(|| format!("cannot stop pid {pid}"))
}

/// One of the platform's programs, built next to the running one: `target/PROFILE/NAME`.
///
/// # Errors
/// When it is not there.
pub fn binary(name: &str) -> Result<PathBuf> {
    let here = std::env::current_exe().context("where am I?")?;
    // A test's binary is one folder deeper, in deps/.
    let found = here
        .ancestors()
        .skip(1)
        .take(2)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file());
    found.with_context(|| {
        format!(
            "{name} is not beside {}: build it with `cargo xtask build`",
            here.display()
        )
    })
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

/// Whether it ended by SIGTERM, which a JVM reports as 143.
fn by_term(status: ExitStatus) -> bool {
    const TERM: i32 = 15;
    status.signal() == Some(TERM) || status.code() == Some(128 + TERM)
}
