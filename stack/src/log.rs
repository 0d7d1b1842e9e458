//! The log file of a child process: bounded, however long it runs and whatever it prints.

use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes of one log file; a second one, `.1`, holds what came before.
pub const BYTES_MAX: u64 = 16 << 20;
const TAIL_BYTES: u64 = 8 << 10;
const TAIL_LINES: usize = 20;

/// Opens a log to append to; one that is too long is rotated first.
pub fn open(path: &Path) -> Result<File> {
    rotate(path, BYTES_MAX)?;
    File::options()
        .append(true)
        .create(true)
        .open(path)
        .with_context(|| format!("cannot open the log {}", path.display()))
}

/// Rotates a log of more than `bytes_max` to `.1`. The process that writes it keeps the file open, so it is copied and
/// emptied: lines written in between are lost.
pub fn rotate(path: &Path, bytes_max: u64) -> Result<()> {
    if fs::metadata(path).is_ok_and(|meta| meta.len() > bytes_max) {
        fs::copy(path, path.with_extension("log.1"))?;
        File::options().write(true).open(path)?.set_len(0)?;
    }
    Ok(())
}

/// The last lines.
pub fn tail(path: &Path) -> Result<String> {
    let mut file = File::open(path)?;
    let start = file.metadata()?.len().saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Home;
    use std::io::Write;

    #[test]
    fn a_log_is_bounded_while_its_process_writes() -> Result<()> {
        let home = Home::temporary()?;
        let path = home.path().join("some.log");
        let mut written = open(&path)?;
        written.write_all(b"one\n")?;
        rotate(&path, 4)?;
        assert_eq!(tail(&path)?, "one", "not too long");
        written.write_all(b"two\n")?;
        rotate(&path, 4)?;
        written.write_all(b"three\n")?;
        assert_eq!(fs::read_to_string(&path)?, "three\n");
        assert_eq!(tail(&path.with_extension("log.1"))?, "one\ntwo");
        Ok(())
    }
}
