//! One platform per checkout: a lock on `.run/up.lock` that the kernel releases when its holder ends, however it ends.
//! The file contains the holder's process id, for people and for `down`.

use crate::checkout::Checkout;
use crate::console;
use anyhow::{Context, Result, bail};
use stack::wait_for;
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::process;
use std::time::Duration;

/// Longer than stopping a full stack takes.
const DOWN_WITHIN: Duration = Duration::from_secs(180);

/// Held while the servers of this checkout run.
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock.
    ///
    /// # Errors
    /// When another process holds it; names its id.
    pub fn take(checkout: &Checkout) -> Result<Self> {
        match Self::try_take(checkout)? {
            Ok(lock) => Ok(lock),
            Err(holder) => bail!("already running (pid {holder}); `cargo xtask down` stops it"),
        }
    }

    /// Takes the lock, or returns the holder's process id.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn try_take(checkout: &Checkout) -> Result<Result<Self, String>> {
        let home = stack::Home::kept(checkout.run_dir())?;
        let path = home.path().join("up.lock");
        let open = || {
            File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
        };
        let mut file = open().with_context(|| format!("cannot open {}", path.display()))?;
        if file.try_lock().is_err() {
            let mut holder = String::new();
            file.read_to_string(&mut holder)?;
            return Ok(Err(holder.trim().to_owned()));
        }
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{}", process::id())?;
        Ok(Ok(Self { _file: file }))
    }
}

/// Asks a running `up` to stop and waits until it has.
///
/// # Errors
/// When it does not stop in time.
pub fn stop_holder(checkout: &Checkout) -> Result<()> {
    let holder = match Lock::try_take(checkout)? {
        Ok(_) => {
            console::line("nothing is running");
            return Ok(());
        }
        Err(holder) => holder,
    };
    let pid: u32 = holder
        .parse()
        .context("the lock does not name its holder yet: try again")?;
    console::step("stopping", |_| {
        stack::terminate(pid)?;
        wait_for(DOWN_WITHIN, &format!("the end of pid {pid}"), || {
            matches!(Lock::try_take(checkout), Ok(Ok(_)))
        })
    })
}

/// Deletes `.run/`.
///
/// # Errors
/// When the platform runs, or the folder cannot be deleted.
pub fn clean(checkout: &Checkout) -> Result<()> {
    let folder = checkout.run_dir();
    if !folder.exists() {
        console::line("nothing to delete");
        return Ok(());
    }
    let _lock = Lock::take(checkout)?;
    fs::remove_dir_all(&folder).with_context(|| format!("cannot delete {}", folder.display()))?;
    console::line(format_args!("deleted {}", folder.display()));
    Ok(())
}
