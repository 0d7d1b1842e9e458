//! Many concurrent clients of one attack.

use crate::siege::Target;
use anyhow::{Result, bail};
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::interval;

/// Different failures that are reported.
const TOLD_MAX: usize = 24;
/// Least time between the starts of a client and its successor.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Runs `count` clients at a time and fails with the errors they reported. A client that ended with an error is
/// replaced until the attack is over.
pub async fn crowd<F>(
    target: Target,
    count: usize,
    client: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Result<()>
where
    F: Future<Output = Result<()>> + Send,
{
    let place = |index: usize| {
        let client = client.clone();
        async move {
            let (mut again, mut wrong) = (interval(AGAIN_AFTER), Vec::new());
            loop {
                again.tick().await;
                match client(index).await {
                    Ok(()) => return wrong,
                    Err(error) => wrong.push(format!("{error:#}")),
                }
                if target.is_over() {
                    return wrong;
                }
            }
        }
    };
    let mut places: JoinSet<Vec<String>> = (0..count).map(place).collect();
    let mut wrong = BTreeMap::<String, usize>::new();
    while let Some(found) = places.join_next().await {
        for what in found? {
            *wrong.entry(what).or_default() += 1;
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let reported: Vec<_> = wrong
        .iter()
        .take(TOLD_MAX)
        .map(|(what, times)| format!("{times} x {what}"))
        .collect();
    bail!("{}", reported.join("\n"))
}
