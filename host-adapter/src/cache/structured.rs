//! Structured field values (RFC 9651), as far as the cache reads them: dictionaries and lists, strictly. A malformed
//! field is `None`.

use http::header::GetAll;
use http::{HeaderMap, HeaderName, HeaderValue};

/// A bare item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A whole number.
    Integer(i64),
    /// Text in quotes.
    Text(String),
    /// `?0`, `?1`, or a dictionary's key alone.
    Boolean(bool),
    /// A token, a decimal, bytes, a date or an inner list, none of which the cache reads.
    Other,
}

/// The members of a dictionary; the last of several with one key counts.
pub fn dictionary(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<(String, Item)>> {
    let text = joined(headers.get_all(name))?;
    let mut input = Input(text.as_bytes());
    let mut members: Vec<(String, Item)> = Vec::new();
    input.members(|input| {
        let key = input.key()?;
        let item = match input.take(b'=') {
            true => input.member()?,
            false => Item::Boolean(true),
        };
        input.parameters()?;
        members.retain(|(other, _)| *other != key);
        members.push((key, item));
        Some(())
    })?;
    Some(members)
}

/// The members of a list.
pub fn list(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<Item>> {
    let text = joined(headers.get_all(name))?;
    let mut input = Input(text.as_bytes());
    let mut members = Vec::new();
    input.members(|input| {
        members.push(input.member()?);
        input.parameters()
    })?;
    Some(members)
}

/// The lines of a field, joined with commas.
fn joined(values: GetAll<'_, HeaderValue>) -> Option<String> {
    let mut text = String::new();
    for value in values {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(value.to_str().ok()?);
    }
    Some(text)
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        if there {
            self.next();
        }
        there
    }

    fn skip(&mut self, is_skipped: impl Fn(u8) -> bool) -> usize {
        let length = self.0.iter().take_while(|byte| is_skipped(**byte)).count();
        self.0 = &self.0[length..];
        length
    }

    /// Reads members separated by commas, up to the end.
    fn members(&mut self, mut member: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        let is_space = |byte| byte == b' ' || byte == b'\t';
        self.skip(|byte| byte == b' ');
        if self.0.is_empty() {
            return Some(());
        }
        loop {
            member(self)?;
            self.skip(is_space);
            if self.0.is_empty() {
                return Some(());
            }
            if !self.take(b',') {
                return None;
            }
            self.skip(is_space);
            // A comma at the end is an error.
            self.peek()?;
        }
    }

    fn key(&mut self) -> Option<String> {
        let first = self.peek()?;
        if !(first.is_ascii_lowercase() || first == b'*') {
            return None;
        }
        let all = self.0;
        let length = self.skip(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte)
        });
        String::from_utf8(all[..length].to_vec()).ok()
    }

    fn parameters(&mut self) -> Option<()> {
        while self.take(b';') {
            self.skip(|byte| byte == b' ');
            self.key()?;
            if self.take(b'=') {
                self.bare()?;
            }
        }
        Some(())
    }

    fn member(&mut self) -> Option<Item> {
        if !self.take(b'(') {
            return self.bare();
        }
        loop {
            self.skip(|byte| byte == b' ');
            if self.take(b')') {
                return Some(Item::Other);
            }
            self.bare()?;
            self.parameters()?;
            if !matches!(self.peek()?, b' ' | b')') {
                return None;
            }
        }
    }

    fn bare(&mut self) -> Option<Item> {
        match self.peek()? {
            b'"' => self.text().map(Item::Text),
            b'?' => {
                self.next();
                match self.next()? {
                    b'0' => Some(Item::Boolean(false)),
                    b'1' => Some(Item::Boolean(true)),
                    _ => None,
                }
            }
            b'@' => {
                self.next();
                match self.number()? {
                    Item::Integer(_) => Some(Item::Other),
                    _ => None,
                }
            }
            b':' => {
                self.next();
                self.skip(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
                self.take(b':').then_some(Item::Other)
            }
            b'-' | b'0'..=b'9' => self.number(),
            b'*' | b'a'..=b'z' | b'A'..=b'Z' => {
                self.skip(|byte| {
                    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte)
                });
                Some(Item::Other)
            }
            _ => None,
        }
    }

    fn text(&mut self) -> Option<String> {
        self.next();
        let mut text = String::new();
        loop {
            match self.next()? {
                b'"' => return Some(text),
                b'\\' => match self.next()? {
                    byte @ (b'"' | b'\\') => text.push(char::from(byte)),
                    _ => return None,
                },
                byte @ 0x20..=0x7e => text.push(char::from(byte)),
                _ => return None,
            }
        }
    }

    fn number(&mut self) -> Option<Item> {
        /// Digits of the largest integer.
        const DIGITS_MAX: usize = 15;
        let sign = if self.take(b'-') { -1 } else { 1 };
        let all = self.0;
        let length = self.skip(|byte| byte.is_ascii_digit());
        if self.take(b'.') {
            let fraction = self.skip(|byte| byte.is_ascii_digit());
            let fits = (1..=12).contains(&length) && (1..=3).contains(&fraction);
            return fits.then_some(Item::Other);
        }
        if !(1..=DIGITS_MAX).contains(&length) {
            return None;
        }
        let digits = std::str::from_utf8(&all[..length]).ok()?;
        digits
            .parse::<i64>()
            .ok()
            .map(|number| Item::Integer(sign * number))
    }
}

#[cfg(test)]
mod tests;
