//! Reads Redis' commands: arrays of strings.

use super::Reader;

/// The reader of one connection.
#[derive(Default)]
pub(super) struct RedisReader {
    buffer: Vec<u8>,
}

/// The number after a marker byte, and the position behind its line.
fn number(buffer: &[u8], at: usize, mark: u8) -> Option<(usize, usize)> {
    let rest = buffer.get(at..)?;
    let end = rest.windows(2).position(|two| two == b"\r\n")?;
    let (first, digits) = rest[..end].split_first()?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (*first == mark).then_some((number, at + end + 2))
}

/// The first command, and its length.
fn command(buffer: &[u8]) -> Option<(String, usize)> {
    let (count, mut at) = number(buffer, 0, b'*')?;
    let mut words = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        let (length, begin) = number(buffer, at, b'$')?;
        words.push(String::from_utf8_lossy(buffer.get(begin..begin + length)?).into_owned());
        at = begin + length + 2;
        if buffer.len() < at {
            return None;
        }
    }
    Some((words.join(" "), at))
}

impl Reader for RedisReader {
    fn requests(&mut self, bytes: &[u8]) -> Vec<String> {
        self.buffer.extend_from_slice(bytes);
        let mut requests = Vec::new();
        while let Some((request, length)) = command(&self.buffer) {
            requests.push(request);
            self.buffer.drain(..length);
        }
        requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_come_in_pieces_and_together() {
        let mut reader = RedisReader::default();
        let two = b"*2\r\n$3\r\nGET\r\n$1\r\nx\r\n*1\r\n$4\r\nPING\r\n";
        assert!(reader.requests(&two[..9]).is_empty());
        assert_eq!(reader.requests(&two[9..]), ["GET x", "PING"]);
    }
}
