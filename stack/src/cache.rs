//! What is downloaded once for every checkout: a folder of the user's cache appears whole or not at all.

use anyhow::{Context, Result};
use std::env;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// The folder of the cache: `FLASHORDER_CACHE`, else `flashorder` in the user's own.
///
/// # Errors
/// Where the user has no home.
pub(crate) fn folder() -> Result<PathBuf> {
    if let Some(cache) = env::var_os("FLASHORDER_CACHE") {
        return Ok(cache.into());
    }
    let cache = match env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => {
            PathBuf::from(env::var_os("HOME").context("neither HOME nor XDG_CACHE_HOME is set")?)
                .join(".cache")
        }
    };
    Ok(cache.join("flashorder"))
}

/// The folder `name` of the cache. Where it is missing, `make` fills another, which is then moved there.
///
/// # Errors
/// What `make` failed with.
pub(crate) fn cached(name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    cached_in(&folder()?, name, make)
}

fn cached_in(cache: &Path, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let wanted = cache.join(name);
    if wanted.is_dir() {
        return Ok(wanted);
    }
    fs::create_dir_all(cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let lock = File::create(cache.join(format!("{name}.lock")))?;
    lock.lock().context("cannot lock the cache")?;
    if !wanted.is_dir() {
        let fresh = cache.join(format!("{name}.new"));
        if fresh.exists() {
            fs::remove_dir_all(&fresh)?;
        }
        fs::create_dir(&fresh)?;
        make(&fresh)?;
        fs::rename(&fresh, &wanted)?;
    }
    Ok(wanted)
}

/// As [`cached`], with one folder for each `content` of what is installed there: a change makes another folder.
///
/// # Errors
/// As [`cached`].
pub(crate) fn cached_of(
    name: &str,
    content: &str,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    cached(&name_of(name, content), make)
}

fn name_of(name: &str, content: &str) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("{name}-{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_contents_are_other_folders() -> Result<()> {
        let cache = crate::home::Home::temporary()?;
        let make = |folder: &Path| Ok(fs::write(folder.join("made"), "")?);
        let one = cached_in(cache.path(), "x", make)?;
        assert!(one.join("made").is_file());
        let again = cached_in(cache.path(), "x", |_| anyhow::bail!("made twice"))?;
        assert_eq!(one, again);
        assert_ne!(name_of("x", "a==1"), name_of("x", "a==2"));
        Ok(())
    }
}
