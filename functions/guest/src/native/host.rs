//! Stands in for the WebAssembly host where functions are compiled natively: ports that the embedding program fills,
//! one set per thread. They use the SDK's types, so that the code above them is the same on both.

pub mod http;
pub mod mysql;
pub mod redis;
pub mod variables;

use std::cell::OnceCell;
use std::pin::Pin;
use std::time::Duration;

/// What a port answers later.
pub type Soon<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What functions need of the embedding program.
pub trait Ports {
    /// A connection to a `redis://` URL.
    ///
    /// # Errors
    /// Where the URL is not acceptable.
    fn redis(&self, url: &str) -> Result<Box<dyn redis::Port>, redis::Error>;
    /// A session with a `mysql://` URL.
    ///
    /// # Errors
    /// Where the URL is not acceptable.
    fn mysql(&self, url: &str) -> Result<Box<dyn mysql::Port>, mysql::Failure>;
    /// The value of a Spin variable; `None` where it is not defined.
    fn variable(&self, name: &str) -> Option<String>;
    /// Ends after the duration.
    fn sleep(&self, duration: Duration) -> Soon<'static, ()>;
}

thread_local! {
    static PORTS: OnceCell<Box<dyn Ports>> = const { OnceCell::new() };
}

/// Fills the ports of this thread for good; `false` where they were filled before.
pub fn fill(ports: Box<dyn Ports>) -> bool {
    PORTS.with(|filled| filled.set(ports).is_ok())
}

/// `None` where the thread has no ports.
fn with<T>(ask: impl FnOnce(&dyn Ports) -> T) -> Option<T> {
    PORTS.with(|ports| ports.get().map(|ports| ask(&**ports)))
}

const UNFILLED: &str = "this thread has no ports";

/// Ends after the duration; at once where the thread has no ports.
pub async fn sleep(duration: Duration) {
    if let Some(sleeping) = with(|ports| ports.sleep(duration)) {
        sleeping.await;
    }
}
