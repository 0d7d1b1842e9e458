//! Messages that cannot be read are put aside under the same key, with where they came from and why.

use crate::clients::kafka::topics::dead_letters;
use crate::ports::{Incoming, Outgoing};

const REASON_BYTES_MAX: usize = 500;

/// The record for the dead letter topic; says so in the log.
pub fn outgoing(record: &Incoming, reason: &str) -> Outgoing {
    let reason: String = reason.chars().take(REASON_BYTES_MAX).collect();
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
