//! Where servers keep data, logs and pid files: a folder kept between runs (`xtask up`), or a temporary one that is
//! deleted with its owner (tests).

use anyhow::{Context, Result};
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

const TEMPORARY_PREFIX: &str = "flashorder-test-";

/// A folder for servers. Dropping a temporary one deletes it.
#[derive(Debug)]
pub struct Home {
    root: PathBuf,
    temporary: bool,
}

impl Home {
    /// A folder that outlives this process; created if missing, closed to other users.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn kept(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        private_folder(&root)?;
        Ok(Self {
            root: root.canonicalize()?,
            temporary: false,
        })
    }

    /// A new folder under the system's temporary folder. Folders that killed processes left there are deleted first.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn temporary() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let base = std::env::temp_dir().canonicalize()?;
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        if serial == 0 {
            sweep(&base);
        }
        let root = base.join(format!("{TEMPORARY_PREFIX}{}-{serial}", process::id()));
        private_folder(&root)?;
        Ok(Self {
            root,
            temporary: true,
        })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The folder of one server, created if missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn dir(&self, name: &str) -> Result<PathBuf> {
        let dir = self.root.join(name);
        private_folder(&dir)?;
        Ok(dir)
    }

    /// The signal for a server whose handle is dropped: SIGTERM where data is kept, SIGKILL where it is deleted.
    pub(crate) fn farewell(&self) -> Signal {
        if self.temporary {
            Signal::KILL
        } else {
            Signal::TERM
        }
    }

    pub(crate) fn is_temporary(&self) -> bool {
        self.temporary
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.temporary {
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

/// Writes a file that only its owner may read.
///
/// # Errors
/// When it cannot be written.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    let fresh = path.with_extension("new");
    let write = || {
        let _ = fs::remove_file(&fresh);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&fresh, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Makes a folder that only its owner can read.
///
/// # Errors
/// When it cannot be made.
pub fn private_folder(dir: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("cannot make the folder {}", dir.display()))
}

/// Deletes temporary folders whose process is gone: the home of a server in a static is never dropped.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(TEMPORARY_PREFIX))
            .and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
