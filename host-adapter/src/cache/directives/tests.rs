//! Tests of `directives`.

use super::*;
use http::HeaderValue;

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_static(name);
        headers.append(name, HeaderValue::from_static(value));
    }
    headers
}

#[test]
fn requests() {
    let none = Wanted::default();
    let max_age = Some;
    for (lines, want) in [
        (&[][..], none),
        (
            &[("pragma", "no-cache")][..],
            Wanted {
                no_cache: true,
                ..none
            },
        ),
        (
            &[("pragma", "no-cache"), ("cache-control", "max-age=5")][..],
            Wanted {
                max_age: max_age(5),
                ..none
            },
        ),
        (
            &[("cache-control", "No-Store")][..],
            Wanted {
                bypass: true,
                ..none
            },
        ),
        (
            &[("range", "bytes=0-1")][..],
            Wanted {
                bypass: true,
                ..none
            },
        ),
        (
            &[("cache-control", "no-cache, max-age=\"7\"")][..],
            Wanted {
                no_cache: true,
                max_age: max_age(7),
                ..none
            },
        ),
        (
            &[("cache-control", "max-age=x")][..],
            Wanted {
                max_age: max_age(0),
                ..none
            },
        ),
        (
            &[
                ("cache-control", "min-fresh=3"),
                ("cache-control", "only-if-cached"),
            ][..],
            Wanted {
                min_fresh: 3,
                only_if_cached: true,
                ..none
            },
        ),
        (&[("cache-control", "x=\"a,no-store\"")][..], none),
        (
            &[("authorization", "Basic x")][..],
            Wanted {
                authorized: true,
                ..none
            },
        ),
    ] {
        assert_eq!(Wanted::read(&headers(lines)), want, "{lines:?}");
    }
}

#[test]
fn ages_that_will_do() {
    let seconds = Duration::from_secs;
    let wanted = |max_age, min_fresh| Wanted {
        max_age,
        min_fresh,
        ..Wanted::default()
    };
    assert!(wanted(None, 0).accepts(seconds(900), seconds(0)));
    assert!(wanted(Some(5), 0).accepts(seconds(5), seconds(1)));
    assert!(!wanted(Some(5), 0).accepts(seconds(6), seconds(1)));
    assert!(!wanted(Some(0), 0).accepts(seconds(0), seconds(1)));
    assert!(wanted(None, 2).accepts(seconds(0), seconds(2)));
    assert!(!wanted(None, 2).accepts(seconds(0), seconds(1)));
}

#[test]
fn replies() {
    let kept = |lines: &[(&'static str, &'static str)]| {
        storable(StatusCode::OK, &headers(lines), false).map(|kept| kept.lifetime.as_secs())
    };
    for (lines, want) in [
        (&[][..], None),
        (&[("cache-control", "public")][..], None),
        (&[("cache-control", "max-age=5")][..], Some(5)),
        (&[("cache-control", "max-age=5, s-maxage=9")][..], Some(9)),
        (
            &[
                ("cache-control", "max-age=5"),
                ("cache-control", "max-age=3"),
            ][..],
            Some(3),
        ),
        (
            &[("cache-control", "max-age=99999999999999999999")][..],
            Some(SECONDS_MAX),
        ),
        (&[("cache-control", "max-age=-1")][..], None),
        (&[("cache-control", "max-age=5, no-store")][..], None),
        (&[("cache-control", "max-age=5, private=\"x\"")][..], None),
        (&[("cache-control", "max-age=5, no-cache")][..], None),
        (
            &[("cache-control", "max-age=5"), ("set-cookie", "a=b")][..],
            None,
        ),
        (
            &[("cache-control", "max-age=5"), ("vary", "accept, *")][..],
            None,
        ),
        (&[("cache-control", "max-age=5"), ("age", "4")][..], Some(5)),
        (&[("cache-control", "max-age=5"), ("age", "5")][..], None),
        (
            &[
                ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
                ("expires", "Sun, 06 Nov 1994 08:49:40 GMT"),
            ][..],
            Some(3),
        ),
        (
            &[("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("expires", "0")][..],
            None,
        ),
        // The targeted field alone counts where it can be read.
        (
            &[
                ("host-cache-control", "max-age=1"),
                ("cache-control", "no-cache"),
            ][..],
            Some(1),
        ),
        (
            &[
                ("host-cache-control", "no-store"),
                ("cache-control", "max-age=5"),
            ][..],
            None,
        ),
        (
            &[
                ("host-cache-control", "max-age=\"1\""),
                ("cache-control", "max-age=5"),
            ][..],
            None,
        ),
        (
            &[
                ("host-cache-control", "max-age=1,"),
                ("cache-control", "max-age=5"),
            ][..],
            Some(5),
        ),
        (
            &[("host-cache-control", ""), ("cache-control", "max-age=5")][..],
            Some(5),
        ),
    ] {
        assert_eq!(kept(lines), want, "{lines:?}");
    }
}

#[test]
fn statuses_and_credentials() {
    let fresh = headers(&[("cache-control", "max-age=5")]);
    for (status, want) in [
        (200, true),
        (404, true),
        (301, true),
        (410, true),
        (206, false),
        (302, false),
        (304, false),
        (500, false),
        (202, false),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(storable(status, &fresh, false).is_some(), want, "{status}");
    }
    let shared = |control: &'static str| {
        let kept = storable(
            StatusCode::OK,
            &headers(&[("cache-control", control)]),
            true,
        );
        kept.map(|kept| kept.shared)
    };
    assert_eq!(shared("max-age=5"), None);
    assert_eq!(shared("max-age=5, public"), Some(true));
    assert_eq!(shared("s-maxage=5"), Some(true));
    assert_eq!(shared("max-age=5, must-revalidate"), Some(true));
}
