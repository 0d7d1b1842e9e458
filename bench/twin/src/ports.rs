//! The functions' ports over the host's own pools. Values go between driver and function as they are; only their enums
//! change.

mod mysql;
mod redis;

use anyhow::{Result, ensure};
use guest::host::{self, Ports, Soon};
use host_adapter::native::{Plan, Reach};
use std::sync::Arc;
use std::time::Duration;

/// Those of one thread.
pub struct NativePorts {
    reach: Reach,
    plan: Arc<Plan>,
}

impl NativePorts {
    /// Fills this thread's ports, as one of `threads`.
    ///
    /// # Errors
    /// Where they are filled already.
    pub fn fill(threads: usize, plan: Arc<Plan>) -> Result<()> {
        let reach = Reach::of_thread(threads)?;
        let filled = host::fill(Box::new(NativePorts { reach, plan }));
        ensure!(filled, "the thread has ports already");
        Ok(())
    }
}

impl Ports for NativePorts {
    fn redis(&self, url: &str) -> Result<Box<dyn host::redis::Port>, host::redis::Error> {
        let link = self.reach.redis(url).map_err(redis::error)?;
        Ok(Box::new(redis::Link(link)))
    }

    fn mysql(&self, url: &str) -> Result<Box<dyn host::mysql::Port>, host::mysql::Failure> {
        let session = self.reach.mysql(url).map_err(mysql::error)?;
        Ok(Box::new(mysql::Session(session)))
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.plan.variables.get(name).map(str::to_owned)
    }

    fn sleep(&self, duration: Duration) -> Soon<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
