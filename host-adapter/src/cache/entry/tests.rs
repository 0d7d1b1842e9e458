//! Tests of `entry`.

use super::*;

fn entry(lines: &[(&'static str, &'static str)], lifetime: u64, age: u64) -> Entry {
    let (mut head, ()) = http::Response::new(()).into_parts();
    for (name, value) in lines {
        head.headers.append(*name, HeaderValue::from_static(value));
    }
    let storable = Storable {
        lifetime: Duration::from_secs(lifetime),
        age: Duration::from_secs(age),
        shared: false,
    };
    let asked = Asked {
        number: 0,
        at: Instant::now(),
    };
    Entry::new(
        0,
        head,
        Bytes::from_static(b"body"),
        storable,
        [].into(),
        asked,
    )
}

fn asks(entry: &Entry, value: &str) -> bool {
    let value = HeaderValue::from_str(value).unwrap();
    entry.matches(&HeaderMap::from_iter([(IF_NONE_MATCH, value)]))
}

#[test]
fn tags_are_compared_weakly() {
    let strong = entry(&[("etag", "\"a,b\"")], 1, 0);
    let weak = entry(&[("etag", "W/\"a,b\"")], 1, 0);
    for entry in [&strong, &weak] {
        for same in ["\"a,b\"", "W/\"a,b\"", "\"x\", W/\"a,b\"", "*", " * "] {
            assert!(asks(entry, same), "{same}");
        }
        for other in ["\"a\"", "a,b", "\"x\", \"y\"", "", "\"a,b"] {
            assert!(!asks(entry, other), "{other}");
        }
    }
    assert!(!strong.matches(&HeaderMap::new()));
}

#[test]
fn a_reply_without_a_tag_gets_one_of_its_body() {
    let tag = |lines| entry(lines, 1, 0).whole().1[ETAG].clone();
    assert_eq!(tag(&[]), tag(&[("x", "y")]));
    assert_eq!(tag(&[]).len(), 18);
    assert_eq!(tag(&[("etag", "\"own\"")]), "\"own\"");
}

#[test]
fn age_grows_from_what_it_was() {
    let entry = entry(&[("age", "2"), ("x-own", "1")], 5, 2);
    let after = |seconds| entry.made() + Duration::from_secs(seconds);
    assert_eq!(
        (entry.age_value(after(0)), entry.age_value(after(1))),
        ("2".parse().unwrap(), "3".parse().unwrap())
    );
    assert!(!entry.whole().1.contains_key(AGE));
    assert!(entry.fresh(after(2)) && !entry.fresh(after(3)));
    let wanted = Wanted {
        min_fresh: 2,
        ..Wanted::default()
    };
    assert!(!entry.serves(&wanted, after(2)));
    let not_modified = entry.not_modified();
    assert!(
        not_modified.contains_key(DATE)
            && not_modified.contains_key(ETAG)
            && !not_modified.contains_key("x-own")
    );
}
