//! Signatures of requests by machines: HMAC with SHA-256 over what is asked for, when, and a nonce that makes it valid
//! once. Who signs and who verifies build the signed text here. docs/decisions/0025.

use crate::keys::Key;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::hex::hex;
use domain::limits::{
    SIGNATURE_NONCE_CHARS_MAX, SIGNATURE_NONCE_CHARS_MIN, SIGNATURE_WINDOW_SECONDS,
};
use http_rules::percent::{Plus, bytes, encode, pairs};
use sha2::{Digest, Sha256};

/// The scheme of the header `Authorization` that has a signature.
pub const SCHEME: &str = "HMAC-SHA256";
/// Bytes of the longest header that is looked at; ours have about 150.
pub const HEADER_BYTES_MAX: usize = 1_024;
/// The first line of what is signed. A key signs nothing else that begins so; another way to sign has another one.
const LABEL: &str = "flashorder-hmac-sha256";

/// What is signed of a request.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// In upper case; `HEAD` is signed as the `GET` that it is.
    pub method: &'a str,
    /// In its canonical spelling (`http_rules::path`).
    pub path: &'a str,
    /// As it was sent, without the question mark.
    pub query: &'a str,
    /// All of it; empty where there is none.
    pub body: &'a [u8],
}

/// A signature as its header has it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature<'a> {
    /// The name of its key.
    pub key: &'a str,
    /// When it was made, in seconds since 1970.
    pub time: u64,
    /// What no other signature by this key has.
    pub nonce: &'a str,
    mac: [u8; 32],
}

impl std::fmt::Debug for Signature<'_> {
    /// Without the signature itself.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signature")
            .field("key", &self.key)
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

/// Why a signature is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its form, its key, or the signature. One text for all, as a forger would learn from the difference.
    #[error("is not valid")]
    Invalid,
    /// Its time is too far from now. Who reads this sets a clock.
    #[error("is too old or too new")]
    Time,
}

impl Signed<'_> {
    /// The text that is signed: these eight lines. None of them can have a line break in it, so no two requests share
    /// a text. With the key's name, a signature is that of one machine even where two were given the same key.
    pub fn text(&self, key: &str, time: u64, nonce: &str) -> String {
        let (query, body) = (in_one_spelling(self.query), hex(&Sha256::digest(self.body)));
        let (method, path) = (self.method, self.path);
        format!("{LABEL}\n{key}\n{method}\n{path}\n{query}\n{body}\n{time}\n{nonce}")
    }
}

/// The parameters of a query, decoded and encoded anew, sorted by name and then by value: so it does not matter how a
/// client or a proxy spells and orders them. Encoded text is ASCII, which every language sorts alike.
fn in_one_spelling(query: &str) -> String {
    let encoded = |text: &str| encode(&bytes(text, Plus::Space));
    let each = pairs(query).map(|(name, value)| (encoded(name), encoded(value)));
    let mut all: Vec<(String, String)> = each.collect();
    all.sort_unstable();
    let all = all
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"));
    all.collect::<Vec<_>>().join("&")
}

/// The value of the header for a request, signed by a key.
///
/// # Errors
/// Where the nonce is none.
pub fn sign(key: &Key, request: &Signed<'_>, time: u64, nonce: &str) -> Result<String, Refused> {
    let nonce = nonce_of(nonce).ok_or(Refused::Invalid)?;
    let name = key.name();
    let text = request.text(name, time, nonce);
    let signature = URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()));
    Ok(format!(
        "{SCHEME} key={name}, time={time}, nonce={nonce}, signature={signature}"
    ))
}

/// Whether an `authorization` line is meant as a signature, right or wrong.
pub fn is_meant(line: &[u8]) -> bool {
    parameters(line).is_some()
}

/// What follows the scheme; `None` where it is another one.
fn parameters(line: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = line.split_at_checked(SCHEME.len())?;
    let ends = rest.first().is_none_or(|byte| *byte == b' ');
    (ends && scheme.eq_ignore_ascii_case(SCHEME.as_bytes())).then_some(rest)
}

impl<'a> Signature<'a> {
    /// Reads a line: the scheme, and after it `key`, `time`, `nonce` and `signature`, each once, in any order.
    ///
    /// # Errors
    /// Where it has another form.
    pub fn parse(line: &'a [u8]) -> Result<Signature<'a>, Refused> {
        let line = Some(line).filter(|line| line.len() <= HEADER_BYTES_MAX);
        let rest = line.and_then(parameters);
        let rest = rest.and_then(|rest| std::str::from_utf8(rest).ok());
        rest.and_then(Signature::read).ok_or(Refused::Invalid)
    }

    fn read(parameters: &'a str) -> Option<Signature<'a>> {
        const NAMES: [&str; 4] = ["key", "time", "nonce", "signature"];
        let mut values = [None; NAMES.len()];
        for parameter in parameters.split(',') {
            let (name, value) = parameter.trim_matches([' ', '\t']).split_once('=')?;
            let at = NAMES
                .iter()
                .position(|one| one.eq_ignore_ascii_case(name))?;
            if values[at].replace(unquoted(value)).is_some() {
                return None;
            }
        }
        let [key, time, nonce, signature] = values;
        let mac = URL_SAFE_NO_PAD.decode(signature?).ok()?;
        Some(Signature {
            key: key?,
            time: time_of(time?)?,
            nonce: nonce_of(nonce?)?,
            mac: mac.try_into().ok()?,
        })
    }

    /// Whether its time is near `now`, in seconds since 1970.
    ///
    /// # Errors
    /// Where it is not.
    pub fn check_time(&self, now: u64) -> Result<(), Refused> {
        match self.time.abs_diff(now) <= SIGNATURE_WINDOW_SECONDS {
            true => Ok(()),
            false => Err(Refused::Time),
        }
    }

    /// Whether it is the signature of this request by this key, made near `now`. That its nonce is new is not known
    /// here.
    ///
    /// # Errors
    /// Where it is not.
    pub fn verify(&self, key: &Key, request: &Signed<'_>, now: u64) -> Result<(), Refused> {
        self.check_time(now)?;
        let text = request.text(self.key, self.time, self.nonce);
        match self.key == key.name() && key.verifies(text.as_bytes(), &self.mac) {
            true => Ok(()),
            false => Err(Refused::Invalid),
        }
    }
}

/// The value without its quotes. One with a single quote stays, and is none of the values.
fn unquoted(value: &str) -> &str {
    let inner = value.strip_prefix('"');
    let inner = inner.and_then(|value| value.strip_suffix('"'));
    inner.unwrap_or(value)
}

/// Digits as a number is written, so that a time has one text.
fn time_of(text: &str) -> Option<u64> {
    let time: u64 = text.parse().ok()?;
    (time.to_string() == text).then_some(time)
}

/// Visible ASCII characters, but for those that a quoted value would have to escape, and the comma.
fn nonce_of(text: &str) -> Option<&str> {
    let lengths = SIGNATURE_NONCE_CHARS_MIN..=SIGNATURE_NONCE_CHARS_MAX;
    let is_char = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b'\\');
    (lengths.contains(&text.len()) && text.bytes().all(is_char)).then_some(text)
}

#[cfg(test)]
mod tests;
