//! What a reply is stored under: the target URI, and where the reply names request headers it depends on, their values.

use crate::headers;
use http::header::GetAll;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
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
    /// Of a request as it came; `None` where the host must look closer. No host of a stored reply is malformed.
    pub fn of_request(uri: &'a Uri, headers: &'a HeaderMap, scheme: &Scheme) -> Option<Self> {
        let named = headers::host(headers).ok()?.map(HeaderValue::as_bytes);
        let authority = match (uri.authority().map(Authority::as_str), named) {
            (Some(target), Some(named)) if target.as_bytes() != named => return None,
            (Some(target), _) => target.as_bytes(),
            (None, named) => named?,
        };
        Self::new(uri, authority, scheme)
    }

    /// Of an absolute URI.
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

/// A key of the store. Hashes as the target and the values do, so that looking up copies nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    https: bool,
    authority: Box<[u8]>,
    path_and_query: Box<str>,
    /// `None`: of the URI itself.
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

    /// That of the variant for `headers`.
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

/// What is looked for.
#[derive(Debug, Hash)]
pub struct Lookup<'a> {
    /// The URI.
    pub target: Target<'a>,
    /// The values of a variant.
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
    /// From the lines of `Vary`, none of them `*`. `Err` where the host itself sets one of the headers: a client's own
    /// says nothing of it then.
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

    /// Their values, each line with its length before it, so that no two sets of lines look alike.
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
mod tests {
    use super::*;
    use http::header::{HOST, VARY};

    fn hash(value: &impl Hash) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        value.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn a_lookup_finds_its_key() {
        let absolute: Uri = "http://shop:81/a?b=1".parse().unwrap();
        let origin: Uri = "/a?b=1".parse().unwrap();
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("shop:81"))]);
        let key = Key::new(&Target::of(&absolute).unwrap());
        let lookup = |uri, headers, scheme| Lookup {
            target: Target::of_request(uri, headers, &scheme).unwrap(),
            values: None,
        };
        let found = lookup(&origin, &headers, Scheme::HTTP);
        assert!(found.equivalent(&key) && hash(&found) == hash(&key));
        let none = HeaderMap::new();
        assert!(lookup(&absolute, &none, Scheme::HTTP).equivalent(&key));
        assert!(!lookup(&origin, &headers, Scheme::HTTPS).equivalent(&key));
        let other = "/a?b=2".parse().unwrap();
        assert!(!lookup(&other, &headers, Scheme::HTTP).equivalent(&key));
        let foreign = HeaderMap::from_iter([(HOST, HeaderValue::from_static("other"))]);
        assert!(!lookup(&origin, &foreign, Scheme::HTTP).equivalent(&key));
        assert_eq!(Target::of_request(&absolute, &foreign, &Scheme::HTTP), None);
        assert_eq!(
            Target::of_request(&origin, &HeaderMap::new(), &Scheme::HTTP),
            None
        );
        let mut two = HeaderMap::from_iter([(HOST, HeaderValue::from_static("shop"))]);
        two.append(HOST, HeaderValue::from_static("shop"));
        assert_eq!(Target::of_request(&origin, &two, &Scheme::HTTP), None);
    }

    #[test]
    fn variants_differ_by_the_headers_named() {
        let uri: Uri = "http://shop/a".parse().unwrap();
        let key = Key::new(&Target::of(&uri).unwrap());
        let lines = HeaderMap::from_iter([(VARY, HeaderValue::from_static("Accept-Language, x"))]);
        let vary = Vary::read(lines.get_all(VARY)).unwrap().unwrap();
        let with = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, HeaderValue::from_static(value));
            }
            key.variant(&vary, &headers)
        };
        assert_eq!(
            with(&[("x", "1"), ("y", "1")]),
            with(&[("y", "2"), ("x", "1")])
        );
        let different = [
            key.clone(),
            with(&[]),
            with(&[("x", "")]),
            with(&[("x", "1")]),
            with(&[("x", "1"), ("x", "1")]),
            with(&[("accept-language", "1")]),
        ];
        for (at, one) in different.iter().enumerate() {
            assert!(!different[..at].contains(one), "{at}");
        }
        let ours = HeaderMap::from_iter([(VARY, HeaderValue::from_static("spin-client-addr"))]);
        assert_eq!(Vary::read(ours.get_all(VARY)), Err(()));
        assert_eq!(Vary::read(HeaderMap::new().get_all(VARY)), Ok(None));
    }
}
