//! What is downloaded once for every checkout: a folder of the user's cache appears whole or not at all.

use anyhow::{Context, Result};
use std::env;
use std::fs::{self, File};
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
    let cache = folder()?;
    let wanted = cache.join(name);
    if wanted.is_dir() {
        return Ok(wanted);
    }
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
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
