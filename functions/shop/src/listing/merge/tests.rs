//! Tests of `merge`.

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

/// A shard's answer for the window.
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
