//! Tests of `allowed_hosts`.

use super::*;

fn check(entry: &str, url: &str, want: bool) {
    let hosts = AllowedHosts::parse(&[entry]).unwrap();
    assert_eq!(
        hosts.allows_url(&Url::parse(url).unwrap()),
        want,
        "{entry} {url}"
    );
}

#[test]
fn entries_match() {
    check(
        "mysql://127.0.0.1:3307",
        "mysql://root:x@127.0.0.1:3307/db",
        true,
    );
    check("mysql://127.0.0.1:3307", "mysql://127.0.0.1/db", false);
    check("mysql://127.0.0.1", "mysql://127.0.0.1/db", true);
    check("mysql://127.0.0.1", "redis://127.0.0.1:3306", false);
    check("*://*:*", "redis://anything:1", true);
    check("https://*.example.com", "https://a.example.com/x", true);
    check("https://*.example.com", "https://example.com/", false);
    check("https://*.example.com", "https://badexample.com/", false);
    check("redis://10.0.0.0/8:6379", "redis://10.1.2.3", true);
    check("redis://10.0.0.0/8:6379", "redis://11.1.2.3", false);
    check(
        "redis://localhost:6000..6010",
        "redis://localhost:6009",
        true,
    );
    check(
        "redis://localhost:6000..6010",
        "redis://localhost:6010",
        false,
    );
    check("http://[::1]:8080", "http://[::1]:8080/", true);
    check("http://localhost/", "http://localhost/path", true);
}

#[test]
fn nothing_is_allowed_by_default() {
    let none = AllowedHosts::parse::<&str>(&[]).unwrap();
    assert!(!none.allows("http", "localhost", Some(80)));
    let empty = AllowedHosts::parse(&["", "http://"]).unwrap();
    assert_eq!(empty, none);
}

#[test]
fn bad_entries_are_named() {
    for bad in [
        "*",
        "localhost:80",
        "http://a/b",
        "foo://host",
        "*://host",
        "http://a*b",
        "http://*.*.com",
        "http://h:99999",
        "http://self",
        "h t://x",
    ] {
        let error = AllowedHosts::parse(&[bad]).unwrap_err();
        assert!(error.contains(bad), "{error}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let url = Url::parse("mysql://root:secret@db:3307/orders?ssl-mode=x").unwrap();
    assert_eq!(redacted(&url), "mysql://db:3307/orders");
}
