//! Reads MySQL's packets: the text of each statement, also of prepared ones.

use super::Reader;
use std::collections::HashMap;

const COM_QUERY: u8 = 0x03;
const COM_STMT_PREPARE: u8 = 0x16;
const COM_STMT_EXECUTE: u8 = 0x17;

/// The reader of one connection.
#[derive(Default)]
pub(super) struct MySqlReader {
    buffer: Vec<u8>,
    /// The first packet is the login.
    logged_in: bool,
    prepared: HashMap<u32, String>,
    /// The text whose statement id the next reply has, and the bytes of that reply so far.
    preparing: Option<(String, Vec<u8>)>,
}

/// Takes a packet off the front.
fn packet(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    const HEAD: usize = 4;
    let head = buffer.get(..HEAD)?;
    let length = usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16;
    if buffer.len() < HEAD + length {
        return None;
    }
    let packet = buffer[HEAD..HEAD + length].to_vec();
    buffer.drain(..HEAD + length);
    Some(packet)
}

/// Makes anonymous blocks a syntax error. A text that is split between two reads is not found; clients send each in one
/// piece.
pub(super) fn spoil_blocks(bytes: &mut [u8]) {
    const BLOCK: &[u8] = b"BEGIN NOT ATOMIC";
    for at in 0..bytes.len().saturating_sub(BLOCK.len() - 1) {
        if bytes[at..].starts_with(BLOCK) {
            bytes[at + BLOCK.len() - 1] = b'X';
        }
    }
}

impl Reader for MySqlReader {
    fn requests(&mut self, bytes: &[u8]) -> Vec<String> {
        self.buffer.extend_from_slice(bytes);
        let mut requests = Vec::new();
        while let Some(packet) = packet(&mut self.buffer) {
            if !self.logged_in {
                self.logged_in = true;
                continue;
            }
            let Some((command, rest)) = packet.split_first() else {
                continue;
            };
            let text = || String::from_utf8_lossy(rest).into_owned();
            match *command {
                COM_QUERY => requests.push(text()),
                COM_STMT_PREPARE => self.preparing = Some((text(), Vec::new())),
                COM_STMT_EXECUTE => {
                    let id = rest.first_chunk().map(|id| u32::from_le_bytes(*id));
                    requests.extend(id.and_then(|id| self.prepared.get(&id).cloned()));
                }
                _ => {}
            }
        }
        requests
    }

    fn replies(&mut self, bytes: &[u8]) {
        // Head (4), status (1), id (4).
        const ID: std::ops::Range<usize> = 5..9;
        let Some((text, reply)) = self.preparing.as_mut() else {
            return;
        };
        reply.extend_from_slice(bytes);
        let Some(id) = reply.get(ID) else { return };
        if reply[4] == 0 {
            let id = u32::from_le_bytes([id[0], id[1], id[2], id[3]]);
            self.prepared.insert(id, std::mem::take(text));
        }
        self.preparing = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(command: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = ((rest.len() + 1) as u32).to_le_bytes()[..3].to_vec();
        packet.extend([0, command]);
        packet.extend(rest);
        packet
    }

    #[test]
    fn a_block_is_spoilt_and_nothing_else() {
        let mut bytes = *b"SELECT 1BEGIN NOT ATOMIC SELECT 2; END";
        spoil_blocks(&mut bytes);
        assert_eq!(&bytes, b"SELECT 1BEGIN NOT ATOMIX SELECT 2; END");
        spoil_blocks(&mut []);
    }

    #[test]
    fn a_prepared_statement_has_its_text() {
        let mut reader = MySqlReader::default();
        assert!(reader.requests(&packet(0, b"login")).is_empty());
        assert_eq!(reader.requests(&packet(COM_QUERY, b"COMMIT")), ["COMMIT"]);
        let prepare = packet(COM_STMT_PREPARE, b"SELECT ?");
        assert!(reader.requests(&prepare[..6]).is_empty());
        assert!(reader.requests(&prepare[6..]).is_empty());
        let reply = packet(0, &[7, 0, 0, 0, 0, 0, 0, 0]);
        reader.replies(&reply[..6]);
        reader.replies(&reply[6..]);
        let execute = packet(COM_STMT_EXECUTE, &[7, 0, 0, 0, 0]);
        assert_eq!(reader.requests(&execute), ["SELECT ?"]);
    }
}
