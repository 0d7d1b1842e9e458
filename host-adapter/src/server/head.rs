//! What the host reads of a request head before the HTTP/1 library does: how long its first line is, and whether it
//! gives the length of its content in two ways. The library takes the one and forgets the other; a proxy in front may
//! have taken the other, and then the rest of the content would be a request to us. A head that was sent ahead, behind
//! another request, is not looked at; the library then takes the chunks and closes the connection after its reply.

/// The longest name that is looked for, with its colon.
const NAME_BYTES: usize = "transfer-encoding:".len();

/// One head, as far as it was read.
#[derive(Debug, Default)]
pub struct Head {
    /// Bytes of the first line.
    first: usize,
    first_ended: bool,
    /// The beginning of the line being read.
    begin: [u8; NAME_BYTES],
    /// Bytes of that line so far.
    line: usize,
    has_length: bool,
    has_coding: bool,
    ended: bool,
}

impl Head {
    /// Bytes of the first line so far.
    pub fn first_line(&self) -> usize {
        self.first
    }

    /// Whether it has both `Content-Length` and `Transfer-Encoding` (RFC 9112, 6.1).
    pub fn is_ambiguous(&self) -> bool {
        self.has_length && self.has_coding
    }

    /// Takes in what was read. What comes behind the head is not looked at.
    pub fn read(&mut self, mut bytes: &[u8]) {
        while !self.ended && !bytes.is_empty() {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let piece = &bytes[..end.unwrap_or(bytes.len())];
            self.take(piece);
            match end {
                None => return,
                Some(end) => {
                    self.end_line();
                    bytes = &bytes[end + 1..];
                }
            }
        }
    }

    fn take(&mut self, piece: &[u8]) {
        if let Some(room) = self.begin.get_mut(self.line..) {
            let taken = room.len().min(piece.len());
            room[..taken].copy_from_slice(&piece[..taken]);
        }
        self.line += piece.len();
        if !self.first_ended {
            self.first += piece.len();
        }
    }

    fn end_line(&mut self) {
        let begin = &self.begin[..self.line.min(NAME_BYTES)];
        let is_empty = matches!(begin, [] | [b'\r']);
        let named = |name: &[u8]| {
            begin
                .get(..name.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(name))
        };
        self.has_length |= named(b"content-length:");
        self.has_coding |= named(b"transfer-encoding:");
        // Line ends before a request do not count.
        match (self.first_ended, is_empty) {
            (false, true) => self.first = 0,
            (false, false) => self.first_ended = true,
            (true, ended) => self.ended = ended,
        }
        self.line = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, piece: usize) -> Head {
        let mut head = Head::default();
        text.as_bytes()
            .chunks(piece)
            .for_each(|piece| head.read(piece));
        head
    }

    #[test]
    fn a_length_in_two_ways() {
        for (text, ambiguous) in [
            (
                "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                true,
            ),
            (
                "\r\nPOST / HTTP/1.1\nTRANSFER-ENCODING:chunked\ncontent-length:1\n\n",
                true,
            ),
            (
                "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nTransfer-Encoding: chunked\r\n",
                false,
            ),
            (
                "POST / HTTP/1.1\r\nContent-Length: 1\r\nx: Transfer-Encoding: chunked\r\n\r\n",
                false,
            ),
            (
                "POST / HTTP/1.1\r\nContent-Lengths: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                false,
            ),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
                false,
            ),
        ] {
            for piece in [1, 3, 17, 18, 19, 1_000] {
                assert_eq!(
                    read(text, piece).is_ambiguous(),
                    ambiguous,
                    "{text:?} {piece}"
                );
            }
        }
    }

    #[test]
    fn the_length_of_the_first_line() {
        for (text, bytes) in [
            ("GET /\r\nhost: x\r\n\r\n", 6),
            ("\r\n\nGET /", 5),
            ("", 0),
            ("\r\n", 0),
        ] {
            for piece in [1, 2, 100] {
                assert_eq!(read(text, piece).first_line(), bytes, "{text:?}");
            }
        }
    }
}
