//! Which database holds which orders: a pure function of the gene, so that an order's id alone names its shard.

use crate::id::Gene;

/// Number of order shards: a power of two up to 1024, so that doubling moves half of each shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardCount(u16);

/// A number of shards that is no power of two from 1 to 1024.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} order shards: the number must be a power of two from 1 to 1024")]
pub struct BadShardCount(pub usize);

impl ShardCount {
    /// From the number of URLs in `mysql_urls`.
    ///
    /// # Errors
    /// Where it is no power of two from 1 to 1024.
    pub fn new(count: usize) -> Result<ShardCount, BadShardCount> {
        if count.is_power_of_two() && count <= 1024 {
            Ok(ShardCount(count as u16))
        } else {
            Err(BadShardCount(count))
        }
    }

    /// 1 to 1024.
    pub fn get(self) -> usize {
        usize::from(self.0)
    }

    /// Index, from 0, of the shard that holds all orders of this gene.
    pub fn shard_of(self, gene: Gene) -> usize {
        usize::from(gene.get() % self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UserId;
    use proptest::prelude::*;

    #[test]
    fn only_powers_of_two() {
        for good in [1, 2, 4, 1024] {
            assert_eq!(ShardCount::new(good).unwrap().get(), good);
        }
        for bad in [0, 3, 6, 1023, 2048] {
            assert_eq!(ShardCount::new(bad), Err(BadShardCount(bad)));
        }
    }

    proptest! {
        #[test]
        fn doubling_keeps_or_moves_by_one_half(user in any::<u64>(), power in 0u32..10) {
            let gene = UserId::new(user).gene();
            let before = ShardCount::new(1 << power).unwrap();
            let after = ShardCount::new(1 << (power + 1)).unwrap();
            let (old, new) = (before.shard_of(gene), after.shard_of(gene));
            prop_assert!(new == old || new == old + before.get());
        }

        #[test]
        fn two_shards_are_user_id_modulo_two(user in any::<u64>()) {
            let two = ShardCount::new(2).unwrap();
            prop_assert_eq!(two.shard_of(UserId::new(user).gene()) as u64, user % 2);
        }
    }
}
