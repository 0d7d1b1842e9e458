//! Dead letters: messages that cannot be processed, published under their key with their origin and the reason. Each
//! counts once it is written.

use crate::clients::kafka::topics::dead_letters;
use crate::ports::{Incoming, Outgoing, Publisher, Verdict};
use crate::process::metrics::Metrics;
use crate::process::outage::Outage;
use crate::process::shutdown::Shutdown;
use anyhow::anyhow;
use contract::wire::header::DeadLetterHeaders;

/// Characters of a reason that are kept.
const REASON_CHARS_MAX: usize = 500;

/// The record for the dead letter topic; also logs an error.
pub fn outgoing(record: &Incoming, reason: &str) -> Outgoing {
    let reason: String = reason.chars().take(REASON_CHARS_MAX).collect();
    tracing::error!(
        topic = %record.topic,
        partition = record.partition,
        offset = record.offset,
        "message put aside: {reason}"
    );
    let headers = DeadLetterHeaders {
        dlq_topic: record.topic.clone(),
        dlq_partition: record.partition.to_string(),
        dlq_offset: record.offset.to_string(),
        dlq_reason: reason,
    };
    Outgoing {
        topic: dead_letters(&record.topic),
        key: String::from_utf8_lossy(&record.key).into_owned(),
        value: record.value.clone(),
        headers: headers.pairs(),
    }
}

/// Writes dead letters until the bus has all of them; each that is written counts. One that the bus refuses too is
/// logged: nothing else can be done with it, and its record would be read for ever. `None` where shutdown came first.
pub async fn put_aside(
    publisher: &impl Publisher,
    metrics: &Metrics,
    mut waiting: Vec<Outgoing>,
    outage: &mut Outage,
    shutdown: &mut Shutdown,
) -> Option<()> {
    while !waiting.is_empty() {
        let verdicts = publisher.publish(waiting.clone()).await;
        let sent = std::mem::take(&mut waiting).into_iter().zip(verdicts);
        let mut away = None;
        for (letter, verdict) in sent {
            match verdict {
                Verdict::Delivered => metrics.dead_letters.add(1),
                Verdict::Refused(reason) => {
                    let Outgoing { topic, key, .. } = letter;
                    tracing::error!(topic, key, "a dead letter is refused: {reason}");
                }
                Verdict::Away(reason) => {
                    away = Some(reason);
                    waiting.push(letter);
                }
            }
        }
        let Some(reason) = away else { break };
        let pause = outage.failed(&anyhow!("dead letters cannot be put aside: {reason}"));
        if shutdown.pause(pause).await {
            return None;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests;
