//! One page out of the newest orders of each shard. Pure.

use contract::api::page::Page;
use domain::{Ms, OrderId};

/// An order's place in a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub created_at: Ms,
    pub id: OrderId,
}

/// What one shard has to offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub shard: usize,
    /// Newest first.
    pub keys: Vec<Key>,
    /// All orders of the shard that match, or where counting stopped.
    pub count: u64,
    pub exact: bool,
}

/// Which rows a shard is asked for: alone it can skip what lies before the page, beside others it cannot.
pub fn window(page: Page, shards: usize) -> (u32, u32) {
    if shards == 1 {
        (page.size, page.offset())
    } else {
        (page.end(), 0)
    }
}

/// What the shards asked so far have together, up to the page's end.
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

    /// Shards may come in any order.
    pub fn add(&mut self, head: Head) {
        self.count += head.count;
        self.exact &= head.exact;
        let keys = head.keys.into_iter();
        self.keys.extend(keys.map(|key| (head.shard, key)));
        self.keys.sort_unstable_by(|(_, a), (_, b)| b.cmp(a));
        self.keys.truncate(self.end);
    }

    /// How many there are in all, and whether that is exact.
    pub fn total(&self) -> (u64, bool) {
        (self.count, self.exact)
    }

    /// The page's keys with their shards, newest first, ties by the larger id.
    pub fn page(mut self) -> Vec<(usize, Key)> {
        self.keys.drain(..self.skip.min(self.keys.len()));
        self.keys
    }
}

/// Counted without asking again, where the rows that came back already tell.
pub fn count_from_rows(rows: usize, limit: u32, offset: u32) -> Option<u64> {
    let complete = rows < limit as usize && (rows > 0 || offset == 0);
    complete.then(|| u64::from(offset) + rows as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::limits::PAGE_SIZE_MAX;

    fn key(created_at: Ms, id: u64) -> Key {
        Key {
            created_at,
            id: OrderId::new(id).unwrap(),
        }
    }

    fn newest_first(mut keys: Vec<Key>) -> Vec<Key> {
        keys.sort_unstable_by(|a, b| b.cmp(a));
        keys
    }

    /// What a shard answers to the window.
    fn head(shard: usize, keys: &[Key], page: Page, shards: usize) -> Head {
        let (limit, offset) = window(page, shards);
        let rows = keys.iter().skip(offset as usize).take(limit as usize);
        Head {
            shard,
            keys: rows.copied().collect(),
            count: keys.len() as u64,
            exact: true,
        }
    }

    #[test]
    fn pages_of_all_shards_put_together_are_everything_once() {
        // Times repeat, also across shards.
        let all: Vec<Key> = (1..=257).map(|n| key(n / 5, n * 7 % 1009 + 1)).collect();
        for shards in [1usize, 2, 4] {
            let parts: Vec<Vec<Key>> = (0..shards)
                .map(|shard| {
                    let own = all
                        .iter()
                        .filter(|key| key.id.get() as usize % shards == shard);
                    newest_first(own.copied().collect())
                })
                .collect();
            for size in [1, 10, 64, PAGE_SIZE_MAX] {
                let mut seen = Vec::new();
                for number in 1.. {
                    let wanted = Page { number, size };
                    let mut merge = Merge::new(wanted, shards);
                    for (shard, keys) in parts.iter().enumerate() {
                        merge.add(head(shard, keys, wanted, shards));
                    }
                    assert_eq!(merge.total(), (all.len() as u64, true));
                    let keys = merge.page();
                    if keys.is_empty() {
                        break;
                    }
                    for (shard, key) in keys {
                        assert_eq!(key.id.get() as usize % shards, shard);
                        seen.push(key);
                    }
                }
                assert_eq!(seen, newest_first(all.clone()), "{shards} shards by {size}");
            }
        }
    }

    #[test]
    fn a_short_page_counts_itself() {
        assert_eq!(count_from_rows(3, 10, 0), Some(3));
        assert_eq!(count_from_rows(0, 10, 0), Some(0));
        assert_eq!(count_from_rows(3, 10, 20), Some(23));
        assert_eq!(count_from_rows(10, 10, 0), None);
        assert_eq!(
            count_from_rows(0, 10, 20),
            None,
            "past the end: anything up to 20"
        );
    }
}
