//! gRPC over HTTP/2, as far as host and functions both need it: which requests are calls, how long a call may take, and
//! which status stands for an HTTP status.

use std::time::Duration;

/// The value of `content-type` in replies.
pub const CONTENT_TYPE: &str = "application/grpc";
/// Status of a call that took too long.
pub const DEADLINE_EXCEEDED: u8 = 4;
/// Header of the application's error code, beside the status.
pub const ERROR_CODE: &str = "x-error-code";

/// Whether a request with this line of `content-type` is a call with protobuf messages. gRPC-Web is another protocol.
pub fn is_call(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next();
    let essence = essence.unwrap_or_default().trim_ascii();
    ["application/grpc", "application/grpc+proto"]
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known.as_bytes()))
}

/// The time that a call may take, by its header `grpc-timeout`: at most 8 digits and a unit. `None` where it cannot be
/// read.
pub fn timeout(line: &[u8]) -> Option<Duration> {
    let (unit, digits) = line.split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let amount: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(match unit {
        b'H' => Duration::from_secs(amount * 3_600),
        b'M' => Duration::from_secs(amount * 60),
        b'S' => Duration::from_secs(amount),
        b'm' => Duration::from_millis(amount),
        b'u' => Duration::from_micros(amount),
        b'n' => Duration::from_nanos(amount),
        _ => return None,
    })
}

/// Bytes before each message: whether it is compressed, and its length.
pub const PREFIX_BYTES: usize = 5;

/// Bytes that a body begins with until its first message is whole, as far as `body`, its beginning, shows.
pub fn first_message(body: &[u8]) -> usize {
    match body {
        [_, a, b, c, d, ..] => {
            let length = u32::from_be_bytes([*a, *b, *c, *d]);
            PREFIX_BYTES.saturating_add(usize::try_from(length).unwrap_or(usize::MAX))
        }
        _ => PREFIX_BYTES,
    }
}

/// The status of a call that is refused as a request with this HTTP status would be. A path or method that is not
/// served is a method that is not implemented.
pub fn status_of(http_status: u16) -> u8 {
    match http_status {
        400 | 411 | 412 | 414 | 417 | 422 => 3,
        401 => 16,
        403 => 7,
        404 | 405 | 415 | 501 => 12,
        408 | 504 => DEADLINE_EXCEEDED,
        409 => 10,
        413 | 429 | 431 => 8,
        502 | 503 => 14,
        _ => 13,
    }
}

/// A text as `grpc-message` has it: ASCII, everything else as `%XX`.
pub fn message(text: &str) -> String {
    let mut message = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => message.push(char::from(byte)),
            _ => message.push_str(&format!("%{byte:02X}")),
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls() {
        for line in [
            "application/grpc",
            "application/grpc+proto",
            "Application/GRPC; charset=utf-8",
        ] {
            assert!(is_call(line.as_bytes()), "{line}");
        }
        for line in [
            "application/json",
            "application/grpc-web+proto",
            "application/grpc+json",
            "application/grpcx",
            "",
        ] {
            assert!(!is_call(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn timeouts() {
        for (line, ms) in [
            ("1S", 1_000),
            ("99999999m", 99_999_999),
            ("2M", 120_000),
            ("1H", 3_600_000),
            ("5000u", 5),
            ("0n", 0),
        ] {
            assert_eq!(
                timeout(line.as_bytes()),
                Some(Duration::from_millis(ms)),
                "{line}"
            );
        }
        for line in [
            "",
            "S",
            "1",
            "1s",
            "-1S",
            "+1S",
            "123456789S",
            "1.5S",
            " 1S",
        ] {
            assert_eq!(timeout(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn first_messages() {
        for (body, bytes) in [
            (&[][..], 5),
            (&[0, 0, 0, 1], 5),
            (&[0, 0, 0, 1, 2], 5 + 258),
            (&[1, 0, 0, 0, 0, 7, 7], 5),
            (&[0, 0xff, 0xff, 0xff, 0xff], 5 + 0xffff_ffff),
        ] {
            assert_eq!(first_message(body), bytes, "{body:?}");
        }
    }

    #[test]
    fn messages_are_ascii() {
        assert_eq!(message("100% of 库"), "100%25 of %E5%BA%93");
        assert_eq!(message("a\r\nb"), "a%0D%0Ab");
    }
}
