//! Structured field values (RFC 9651), as far as the cache reads them: dictionaries and lists, strictly. A field that
//! is not well formed is no field.

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
    /// A token, a decimal, bytes, a date, an inner list: nothing the cache reads.
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

/// Several lines of one field are one, with commas.
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

    /// Members parted by commas, up to the end.
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
mod tests {
    use super::*;

    const NAME: HeaderName = HeaderName::from_static("x");

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(NAME, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn dictionaries() {
        let read = |lines: &[&str]| dictionary(&headers(lines), &NAME);
        let max_age = |age| vec![("max-age".to_owned(), Item::Integer(age))];
        assert_eq!(read(&["max-age=1"]), Some(max_age(1)));
        assert_eq!(read(&["max-age=1;a=\"b\";c , max-age=2"]), Some(max_age(2)));
        assert_eq!(read(&["max-age=1", "max-age=3"]), Some(max_age(3)));
        assert_eq!(read(&[]), Some(vec![]));
        assert_eq!(
            read(&["no-store, a=?0,b=1.5, c=(1 \"x\";y), d=tok/en, e=:YQ==:"]).map(|all| all.len()),
            Some(6)
        );
        for bad in [
            "max-age=",
            "Max-Age=1",
            "a b",
            "a,",
            "a=\"x",
            "a=1.",
            "a=?2",
            "a=(1",
            "a=1,,b",
            "ä",
        ] {
            assert_eq!(read(&[bad]), None, "{bad}");
        }
    }

    #[test]
    fn lists() {
        let read = |lines: &[&str]| list(&headers(lines), &NAME);
        let texts = |texts: &[&str]| Some(texts.iter().map(|t| Item::Text((*t).into())).collect());
        assert_eq!(read(&["\"a\", \"b\";q=1"]), texts(&["a", "b"]));
        assert_eq!(read(&["\"a\"", "\"b,\\\"c\""]), texts(&["a", "b,\"c"]));
        assert_eq!(read(&["\"a\" \"b\""]), None);
        assert_eq!(
            read(&["token, 7"]),
            Some(vec![Item::Other, Item::Integer(7)])
        );
    }
}
