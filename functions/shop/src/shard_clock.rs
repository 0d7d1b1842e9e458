//! The clock of a shard, for the deadline of an insert. Ids are dated by Redis: while its clock and the shard's agree,
//! the id is enough. Where they do not, the shard is asked for its time, and the answer is used for a minute.

use contract::store::sql::NOW_MS;
use domain::limits::INSERT_DEADLINE_MS;
use domain::{Ms, OrderId};
use guest::Fault;
use guest::mysql::Db;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const GOOD_FOR: Duration = Duration::from_secs(60);
/// The most that [`domain::ShardCount`] allows.
const SHARDS_MAX: usize = 1_024;

/// By address: when this instance asked a shard for its time, and the answer.
static SAID: Mutex<BTreeMap<String, (Instant, Ms)>> = Mutex::new(BTreeMap::new());

/// The latest time, by the shard's clock, at which an order may be inserted: at `deadline`, or where the shard was not
/// asked, [`INSERT_DEADLINE_MS`] after the id was minted.
pub(crate) fn latest(db: Db<'_>, id: OrderId, deadline: Instant) -> Ms {
    let said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    match said.get(db.address()) {
        Some((at, now)) if at.elapsed() < GOOD_FOR => moment(*at, *now, deadline),
        _ => id.minted_at() + INSERT_DEADLINE_MS,
    }
}

/// The time of `deadline` by the shard's clock, which is asked for.
///
/// # Errors
/// Where the shard is away.
pub(crate) async fn ask(db: Db<'_>, deadline: Instant) -> Result<Ms, Fault> {
    let at = Instant::now();
    let rows = db.query(&format!("SELECT {NOW_MS}"), Vec::new()).await?;
    let now = match rows.first() {
        Some(row) => row.u64(0)?,
        None => return Err(Fault::Internal("a database without a clock".to_owned())),
    };
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.len() >= SHARDS_MAX {
        said.clear();
    }
    said.insert(db.address().to_owned(), (at, now));
    Ok(moment(at, now, deadline))
}

fn moment(at: Instant, now: Ms, deadline: Instant) -> Ms {
    now + deadline.saturating_duration_since(at).as_millis() as Ms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_a_moment_of_the_shard() {
        let at = Instant::now();
        let deadline = at + Duration::from_millis(4_000);
        assert_eq!(moment(at, 1_000_000, deadline), 1_004_000);
        assert_eq!(moment(deadline, 1_000_000, at), 1_000_000, "it is over");
    }
}
