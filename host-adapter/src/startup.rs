//! The one error of starting up: which file, which key, what is wrong. Everything is checked before anything listens.

use std::fmt;
use std::path::Path;

/// A configuration that cannot be served. Its display is one line: `FILE: KEY: REASON`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct StartupError {
    file: String,
    key: String,
    reason: String,
}

impl StartupError {
    /// An error about `key` in `file`. An empty key means the file as a whole.
    pub fn new(file: &Path, key: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self {
            file: file.display().to_string(),
            key: key.into(),
            // Joined to one line, for `grep`: a parser's excerpt spans several.
            reason: reason
                .to_string()
                .split('\n')
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .collect::<Vec<_>>()
                .join(" "),
        }
    }

    /// An error of a flag, or of the machine, instead of a file.
    pub fn flag(flag: &str, reason: impl fmt::Display) -> Self {
        Self::new(Path::new("command line"), flag, reason)
    }
}

impl fmt::Display for StartupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.reason)
    }
}
