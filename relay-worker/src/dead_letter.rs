//! Dead letters: messages that cannot be processed, published under their key with their origin and the reason.

use crate::clients::kafka::topics::dead_letters;
use crate::ports::{Incoming, Outgoing};

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
    Outgoing {
        topic: dead_letters(&record.topic),
        key: String::from_utf8_lossy(&record.key).into_owned(),
        value: record.value.clone(),
        headers: vec![
            ("dlq_topic", record.topic.clone()),
            ("dlq_partition", record.partition.to_string()),
            ("dlq_offset", record.offset.to_string()),
            ("dlq_reason", reason),
        ],
    }
}
