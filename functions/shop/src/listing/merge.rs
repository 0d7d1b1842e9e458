//! Merges the newest orders of each shard into one page. Pure.

use contract::api::page::Page;
use domain::{Ms, OrderId};

/// An order's place in a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub created_at: Ms,
    pub id: OrderId,
}

/// What one shard answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub shard: usize,
    /// Newest first.
    pub keys: Vec<Key>,
    /// All orders of the shard that match, or where counting stopped.
    pub count: u64,
    /// False where counting stopped.
    pub exact: bool,
}

/// Limit and offset for each shard: a single one can skip the rows before the page, several cannot.
pub fn window(page: Page, shards: usize) -> (u32, u32) {
    if shards == 1 {
        (page.size, page.offset())
    } else {
        (page.end(), 0)
    }
}

/// The newest orders of the shards that have answered, up to the page's end.
#[derive(Debug)]
pub struct Merge {
    keys: Vec<(usize, Key)>,
    count: u64,
    exact: bool,
    /// Keys before the page, and those up to its end.
    skip: usize,
    end: usize,
}

impl Merge {
    pub fn new(page: Page, shards: usize) -> Merge {
        let (limit, offset) = window(page, shards);
        let skip = page.offset() - offset;
        Merge {
            keys: Vec::new(),
            count: 0,
            exact: true,
            skip: skip as usize,
            end: limit as usize,
        }
    }

    /// Adds a shard's answer; they may come in any order.
    pub fn add(&mut self, head: Head) {
        self.count += head.count;
        self.exact &= head.exact;
        let keys = head.keys.into_iter();
        self.keys.extend(keys.map(|key| (head.shard, key)));
        self.keys.sort_unstable_by(|(_, a), (_, b)| b.cmp(a));
        self.keys.truncate(self.end);
    }

    /// How many orders match, and whether that is exact.
    pub fn total(&self) -> (u64, bool) {
        (self.count, self.exact)
    }

    /// The page's keys with their shards, newest first, ties by the larger id.
    pub fn page(mut self) -> Vec<(usize, Key)> {
        self.keys.drain(..self.skip.min(self.keys.len()));
        self.keys
    }
}

/// How many orders match, where the rows that came back show it without another query.
pub fn count_from_rows(rows: usize, limit: u32, offset: u32) -> Option<u64> {
    let complete = rows < limit as usize && (rows > 0 || offset == 0);
    complete.then(|| u64::from(offset) + rows as u64)
}

#[cfg(test)]
mod tests;
