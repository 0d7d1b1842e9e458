//! Tests of `protocol`.

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
