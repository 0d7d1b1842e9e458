//! The messages of the channel: lines of text, the first a verb with its words, the others groups. docs/ARCHITECTURE.md
//! has them for others that publish; `contract` has the same names for the relay.

use crate::limits::CACHE_MESSAGE_BYTES_MAX;
use std::fmt::Write;

/// Where everything is published but acknowledgements.
pub const CHANNEL: &str = "http-cache";

/// The name of a host on the channel, new with each start.
pub type HostId = u64;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<'a> {
    /// A host is there; `sent` is by its own clock.
    Beat { host: HostId, sent: u64 },
    /// These groups are stale. `from`: who waits to hear that it is known, and under which number.
    Stale {
        from: Option<(HostId, u64)>,
        groups: Vec<&'a str>,
    },
    /// Everything is stale.
    Empty { from: Option<(HostId, u64)> },
    /// A host tells a writer that it knows what that one published up to this number.
    Known { host: HostId, number: u64 },
    /// A host will tell nothing from its store any more.
    Bye { host: HostId },
}

/// Where the acknowledgements for `host` are published.
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

/// Reads a message; `None` where it is none, and then nobody knows what it made stale.
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
mod tests {
    use super::*;

    #[test]
    fn every_message_is_read_as_it_was_written() {
        let from = Some((0xab, 7));
        for (message, text) in [
            (
                Message::Beat {
                    host: 0xab,
                    sent: 12,
                },
                "beat 00000000000000ab 12",
            ),
            (
                Message::Stale {
                    from,
                    groups: vec!["order-1", "user 2"],
                },
                "stale 00000000000000ab 7\norder-1\nuser 2",
            ),
            (Message::Empty { from: None }, "empty"),
            (
                Message::Known {
                    host: 0xab,
                    number: 7,
                },
                "known 00000000000000ab 7",
            ),
            (Message::Bye { host: 0xab }, "bye 00000000000000ab"),
        ] {
            assert_eq!(encode(&message), text);
            assert_eq!(decode(text.as_bytes()), Some(message), "{text}");
        }
        // As the relay writes it.
        let relay = Message::Stale {
            from: None,
            groups: vec!["order-1", "orders"],
        };
        assert_eq!(decode(b"stale\norder-1\norders"), Some(relay));
    }

    #[test]
    fn what_is_no_message_is_none() {
        for bad in [
            "",
            "stale x",
            "stale ab",
            "beat",
            "beat g 1",
            "bye",
            "hello",
            "known 1 -2",
            "stale ab 1 2",
        ] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(decode(b"stale\n\xff"), None);
        assert_eq!(decode(&vec![b's'; CACHE_MESSAGE_BYTES_MAX + 1]), None);
    }
}
