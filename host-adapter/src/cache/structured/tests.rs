//! Tests of `structured`.

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
