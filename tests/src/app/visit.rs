//! One platform for all tests of a binary: they share it, except while one of them audits it.

use super::{Options, Platform};
use anyhow::Result;
use std::ops::Deref;
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard};

static BUSY: RwLock<()> = RwLock::new(());

/// A test's stay on the shared platform: others may be there too, but nobody audits it meanwhile.
pub struct Visit {
    platform: &'static Platform,
    busy: RwLockReadGuard<'static, ()>,
}

impl Platform {
    /// The platform that all tests of this binary use at the same time, each with its own users and products.
    pub fn shared() -> Visit {
        static SHARED: OnceLock<Platform> = OnceLock::new();
        let platform = SHARED.get_or_init(|| {
            Platform::start(Options::default()).unwrap_or_else(|error| panic!("{error:#}"))
        });
        let busy = BUSY.read().unwrap_or_else(PoisonError::into_inner);
        Visit { platform, busy }
    }
}

impl Visit {
    /// Ends the stay, waits until no test is on the platform, and checks its invariants.
    ///
    /// # Errors
    /// With the table, where an invariant is broken.
    pub fn audit(self) -> Result<String> {
        drop(self.busy);
        let _alone = BUSY.write().unwrap_or_else(PoisonError::into_inner);
        self.platform.reconcile()
    }
}

impl Deref for Visit {
    type Target = Platform;

    fn deref(&self) -> &Platform {
        self.platform
    }
}
