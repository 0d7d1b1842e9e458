//! The messages of the channel: lines of text, the first a verb with its arguments, the others groups. For other
//! publishers they are in docs/ARCHITECTURE.md; `contract` has the same names for the relay.

use crate::limits::CACHE_MESSAGE_BYTES_MAX;
use std::fmt::Write;

/// The Redis channel of all messages but acknowledgements.
pub const CHANNEL: &str = "http-cache";

/// The id of a host on the channel, drawn at each start; 16 hex digits in messages.
pub type HostId = u64;

/// A message of the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<'a> {
    /// A host is alive; `sent` is by its own clock, in ms.
    Beat { host: HostId, sent: u64 },
    /// These groups are stale. `from`: the host that waits for acknowledgements, and its number of the message.
    Stale {
        from: Option<(HostId, u64)>,
        groups: Vec<&'a str>,
    },
    /// Everything is stale.
    Empty { from: Option<(HostId, u64)> },
    /// `host` acknowledges what the writer published up to this number.
    Known { host: HostId, number: u64 },
    /// A host stops: it serves nothing from its store from here on.
    Bye { host: HostId },
}

/// The Redis channel of the acknowledgements for `host`.
pub fn channel_of(host: HostId) -> String {
    format!("{CHANNEL}:{host:016x}")
}

/// The text of a message.
pub fn encode(message: &Message<'_>) -> String {
    let mut text = String::new();
    let from = |text: &mut String, from: &Option<(HostId, u64)>| {
        if let Some((host, number)) = from {
            let _ = write!(text, " {host:016x} {number}");
        }
    };
    match message {
        Message::Beat { host, sent } => {
            let _ = write!(text, "beat {host:016x} {sent}");
        }
        Message::Stale { from: by, groups } => {
            text.push_str("stale");
            from(&mut text, by);
            for group in groups {
                text.push('\n');
                text.push_str(group);
            }
        }
        Message::Empty { from: by } => {
            text.push_str("empty");
            from(&mut text, by);
        }
        Message::Known { host, number } => {
            let _ = write!(text, "known {host:016x} {number}");
        }
        Message::Bye { host } => {
            let _ = write!(text, "bye {host:016x}");
        }
    }
    text
}

/// Reads a message; `None` where it is malformed, so that it is not known what it made stale.
pub fn decode(payload: &[u8]) -> Option<Message<'_>> {
    if payload.len() > CACHE_MESSAGE_BYTES_MAX {
        return None;
    }
    let mut lines = std::str::from_utf8(payload).ok()?.split('\n');
    let mut words = lines.next()?.split(' ');
    let verb = words.next()?;
    let words: Vec<&str> = words.collect();
    let host = |word: &str| HostId::from_str_radix(word, 16).ok();
    let pair = |words: &[&str]| match words {
        [id, number] => Some((host(id)?, number.parse().ok()?)),
        _ => None,
    };
    let from = |words: &[&str]| match words {
        [] => Some(None),
        words => pair(words).map(Some),
    };
    match verb {
        "beat" => pair(&words).map(|(host, sent)| Message::Beat { host, sent }),
        "stale" => Some(Message::Stale {
            from: from(&words)?,
            groups: lines.collect(),
        }),
        "empty" => from(&words).map(|from| Message::Empty { from }),
        "known" => pair(&words).map(|(host, number)| Message::Known { host, number }),
        "bye" => match words.as_slice() {
            [id] => host(id).map(|host| Message::Bye { host }),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests;
