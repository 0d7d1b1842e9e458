//! Tests of `key`.

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
        target: Target::of_request(uri, Version::HTTP_11, headers, &scheme).unwrap(),
        values: None,
    };
    let found = lookup(&origin, &headers, Scheme::HTTP);
    assert!(found.equivalent(&key) && hash(&found) == hash(&key));
    let none = HeaderMap::new();
    assert!(lookup(&absolute, &headers, Scheme::HTTP).equivalent(&key));
    let version = Version::HTTP_2;
    assert!(Target::of_request(&absolute, version, &none, &Scheme::HTTP).is_some());
    assert!(!lookup(&origin, &headers, Scheme::HTTPS).equivalent(&key));
    let other = "/a?b=2".parse().unwrap();
    assert!(!lookup(&other, &headers, Scheme::HTTP).equivalent(&key));
    let foreign = HeaderMap::from_iter([(HOST, HeaderValue::from_static("other"))]);
    assert!(!lookup(&origin, &foreign, Scheme::HTTP).equivalent(&key));
    assert_eq!(
        Target::of_request(&absolute, Version::HTTP_11, &foreign, &Scheme::HTTP),
        None
    );
    assert_eq!(
        Target::of_request(&origin, Version::HTTP_11, &HeaderMap::new(), &Scheme::HTTP),
        None
    );
    let mut two = HeaderMap::from_iter([(HOST, HeaderValue::from_static("shop"))]);
    two.append(HOST, HeaderValue::from_static("shop"));
    assert_eq!(
        Target::of_request(&origin, Version::HTTP_11, &two, &Scheme::HTTP),
        None
    );
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
