//! Kafka's requests by their kind.

use super::Reader;

/// The reader of one connection.
#[derive(Default)]
pub(super) struct KafkaReader {
    buffer: Vec<u8>,
}

fn name(key: u16) -> &'static str {
    match key {
        0 => "Produce",
        1 => "Fetch",
        3 => "Metadata",
        8 => "OffsetCommit",
        11 => "JoinGroup",
        12 => "Heartbeat",
        18 => "ApiVersions",
        19 => "CreateTopics",
        22 => "InitProducerId",
        _ => "other",
    }
}

impl Reader for KafkaReader {
    fn requests(&mut self, bytes: &[u8]) -> Vec<String> {
        const HEAD: usize = 4;
        self.buffer.extend_from_slice(bytes);
        let mut requests = Vec::new();
        while let Some(head) = self.buffer.first_chunk::<HEAD>() {
            let length = HEAD + u32::from_be_bytes(*head) as usize;
            if self.buffer.len() < length || length < HEAD + 2 {
                break;
            }
            let key = u16::from_be_bytes([self.buffer[HEAD], self.buffer[HEAD + 1]]);
            requests.push(name(key).to_owned());
            self.buffer.drain(..length);
        }
        requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_known_by_its_key() {
        let mut reader = KafkaReader::default();
        let request = [0, 0, 0, 4, 0, 0, 0, 9, 0, 0];
        assert!(reader.requests(&request[..5]).is_empty());
        assert_eq!(reader.requests(&request[5..]), ["Produce"]);
    }
}
