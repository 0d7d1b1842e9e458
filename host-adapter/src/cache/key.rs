//! What a reply is stored under: the target URI, and the values of the request headers that its `Vary` names.

use crate::target;
use http::header::GetAll;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, Version};
use quick_cache::Equivalent;
use std::hash::{Hash, Hasher};

/// A target URI, borrowed from a request.
#[derive(Debug, Clone, Copy, Hash, PartialEq, Eq)]
pub struct Target<'a> {
    https: bool,
    authority: &'a [u8],
    path_and_query: &'a str,
}

impl<'a> Target<'a> {
    /// The target of a request as it came; `None` where it must be checked first. No stored reply has a malformed host.
    pub fn of_request(
        uri: &'a Uri,
        version: Version,
        headers: &'a HeaderMap,
        scheme: &Scheme,
    ) -> Option<Self> {
        let named = target::host(headers).ok()?.map(HeaderValue::as_bytes);
        let authority = match (uri.authority().map(Authority::as_str), named) {
            (Some(target), Some(named)) if target.as_bytes() != named => return None,
            (Some(_), None) if version < Version::HTTP_2 => return None,
            (Some(target), _) => target.as_bytes(),
            (None, named) => named?,
        };
        Self::new(uri, authority, scheme)
    }

    /// The target of an absolute URI; `None` where `uri` is not absolute.
    pub fn of(uri: &'a Uri) -> Option<Self> {
        Self::new(uri, uri.authority()?.as_str().as_bytes(), uri.scheme()?)
    }

    fn new(uri: &'a Uri, authority: &'a [u8], scheme: &Scheme) -> Option<Self> {
        Some(Self {
            https: *scheme == Scheme::HTTPS,
            authority,
            path_and_query: uri.path_and_query()?.as_str(),
        })
    }
}

/// A key of the store. Hashes like a [`Lookup`], so that looking up copies nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    https: bool,
    authority: Box<[u8]>,
    path_and_query: Box<str>,
    /// Values of a variant; `None` for the URI itself.
    values: Option<Box<[u8]>>,
}

impl Key {
    /// The key of a URI.
    pub fn new(target: &Target<'_>) -> Self {
        Self {
            https: target.https,
            authority: target.authority.into(),
            path_and_query: target.path_and_query.into(),
            values: None,
        }
    }

    /// The key of the variant for `headers`.
    pub fn variant(&self, vary: &Vary, headers: &HeaderMap) -> Self {
        Self {
            values: Some(vary.values(headers).into()),
            ..self.clone()
        }
    }

    /// The URI.
    pub fn target(&self) -> Target<'_> {
        Target {
            https: self.https,
            authority: &self.authority,
            path_and_query: &self.path_and_query,
        }
    }

    /// Bytes it takes.
    pub fn bytes(&self) -> usize {
        let values = self.values.as_ref().map_or(0, |values| values.len());
        size_of::<Self>() + self.authority.len() + self.path_and_query.len() + values
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Lookup {
            target: self.target(),
            values: self.values.as_deref(),
        }
        .hash(state);
    }
}

/// A borrowed key, to look for.
#[derive(Debug, Hash)]
pub struct Lookup<'a> {
    /// The URI.
    pub target: Target<'a>,
    /// The values of a variant; `None` for the URI itself.
    pub values: Option<&'a [u8]>,
}

impl Equivalent<Key> for Lookup<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.target == key.target() && self.values == key.values.as_deref()
    }
}

/// The request headers a reply depends on.
#[derive(Debug, PartialEq, Eq)]
pub struct Vary(Box<[HeaderName]>);

impl Vary {
    /// Reads the lines of `Vary`, none of them `*`; `None` where they name no header. `Err` where a name is malformed,
    /// or of a header that the host sets: the client's value says nothing about that.
    pub fn read(lines: GetAll<'_, HeaderValue>) -> Result<Option<Self>, ()> {
        let mut names = Vec::new();
        for line in lines {
            let line = line.to_str().map_err(|_| ())?;
            for name in line
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
            {
                let name = HeaderName::try_from(name).map_err(|_| ())?;
                if name.as_str().starts_with("spin-") || name == "traceparent" {
                    return Err(());
                }
                names.push(name);
            }
        }
        names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        Ok((!names.is_empty()).then(|| Self(names.into())))
    }

    /// Their values, each line with its length before it, so that no two sets of lines are equal.
    pub fn values(&self, headers: &HeaderMap) -> Vec<u8> {
        let mut values = Vec::new();
        for name in &self.0 {
            for line in headers.get_all(name) {
                values.extend((line.len() as u32).to_le_bytes());
                values.extend(line.as_bytes());
            }
            values.extend(u32::MAX.to_le_bytes());
        }
        values
    }

    /// Bytes it takes.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.0)
    }
}

#[cfg(test)]
mod tests;
