//! Lists that are read while their rows change: every row must match the filter.

use anyhow::{Context, Result, ensure};
use platform::client::Client;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A route: the places of its list and total in the reply, and the field value that every row must have.
#[derive(Debug)]
pub struct Route {
    pub path: String,
    pub list: &'static str,
    pub total: &'static str,
    pub field: &'static str,
    pub wanted: &'static str,
}

impl Route {
    /// Reads once and checks that every row matches and that the total is not too small. `number` makes the path
    /// unique, so that no host answers from its cache.
    fn read(&self, api: &Client, number: usize) -> Result<usize> {
        let reply = api
            .get(&format!("{}&read={number}", self.path))?
            .expect(200)?;
        let rows = reply.body.pointer(self.list).and_then(Value::as_array);
        let rows = rows.with_context(|| format!("{}: {}", self.path, reply.text))?;
        for row in rows {
            let other = format!("{}: among {} is {row}", self.path, self.wanted);
            ensure!(row[self.field] == self.wanted, other);
        }
        let total = reply.body.pointer(self.total).and_then(Value::as_u64);
        let fits = total.is_some_and(|total| total >= rows.len() as u64);
        ensure!(fits, "{}: {} of {total:?}", self.path, rows.len());
        Ok(rows.len())
    }
}

/// Reads all routes over and over while `write` runs.
///
/// # Errors
/// Where a row does not match, a route never showed a row, or `write` failed.
pub fn read_while(
    api: &Client,
    routes: &[Route],
    write: impl FnOnce() -> Result<()> + Send,
) -> Result<()> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = routes
            .iter()
            .map(|route| {
                let over = &over;
                scope.spawn(move || {
                    let (mut reads, mut rows) = (0, 0);
                    while !over.load(Ordering::Relaxed) {
                        rows += route.read(api, reads)?;
                        reads += 1;
                    }
                    ensure!(rows > 0, "{}: nothing in {reads} reads", route.path);
                    Ok(())
                })
            })
            .collect();
        let written = write();
        over.store(true, Ordering::Relaxed);
        for reader in readers {
            reader
                .join()
                .map_err(|_| anyhow::anyhow!("a reader panicked"))??;
        }
        written
    })
}
