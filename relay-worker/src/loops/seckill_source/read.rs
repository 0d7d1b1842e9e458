//! Classifies a record of `seckill.success`: one of ours, another system's purchase, or unreadable.

use super::{Bus, Message};
use crate::ports::Incoming;
use contract::wire::header;
use contract::wire::message::SECKILL_SOURCE;
use contract::wire::seckill_message::ForeignPurchase;
use domain::limits::BODY_BYTES_MAX;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Bytes of a hash that distinguish two bodies at one offset of a topic that was created anew.
const SHORT: usize = 8;
const WHOLE: usize = 32;

/// Whether it is about an order of ours, by the source that its headers name.
pub fn is_own(record: &Incoming) -> bool {
    header::source(|name| record.header(name)) == Some(SECKILL_SOURCE)
}

/// The message of another system; `None` for one of ours.
pub fn message(bus: Bus, record: &Incoming) -> Option<Message<'_>> {
    if is_own(record) {
        return None;
    }
    Some(Message {
        bus,
        id: id(bus, record),
        raw: &record.value,
        purchase: purchase(&record.value),
    })
}

fn purchase(body: &[u8]) -> Result<ForeignPurchase, String> {
    if body.len() > BODY_BYTES_MAX {
        let bytes = body.len();
        return Err(format!("has {bytes} bytes, more than {BODY_BYTES_MAX}"));
    }
    ForeignPurchase::parse(body).map_err(|rejection| rejection.to_string())
}

/// A delivery tag changes with each delivery, so a message from RabbitMQ is identified by its body: the same body twice
/// is one purchase, and one failure.
fn id(bus: Bus, record: &Incoming) -> String {
    let Incoming {
        topic,
        partition,
        offset,
        value,
        ..
    } = record;
    match bus {
        Bus::Kafka => format!("{topic}-{partition}-{offset}-{}", hash(value, SHORT)),
        Bus::RabbitMq => format!("{topic}-{}", hash(value, WHOLE)),
    }
}

fn hash(body: &[u8], bytes: usize) -> String {
    let digest = Sha256::digest(body);
    let mut hex = String::with_capacity(2 * bytes);
    for byte in digest.iter().take(bytes) {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests;
