//! What is kept by address: made once, when it is first asked for.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One `T` per address.
#[derive(Debug)]
pub struct ByAddress<T>(Mutex<HashMap<String, T>>);

impl<T> Default for ByAddress<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> ByAddress<T> {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one of `address`; `make` is given how many there are of others.
    ///
    /// # Errors
    /// What `make` says; nothing is kept then.
    pub fn get_or_make<E>(
        &self,
        address: &str,
        make: impl FnOnce(usize) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut known = self.lock();
        if let Some(one) = known.get(address) {
            return Ok(one.clone());
        }
        let made = make(known.len())?;
        known.insert(address.to_owned(), made.clone());
        Ok(made)
    }

    /// All there are.
    pub fn all(&self) -> Vec<T> {
        self.lock().values().cloned().collect()
    }
}
