//! Tests of `target`.

use super::*;

fn got(target: &str, version: Version, hosts: &[&str]) -> Result<String, BadTarget> {
    let mut headers = HeaderMap::new();
    for host in hosts {
        headers.append(HOST, HeaderValue::from_str(host).unwrap());
    }
    let target = target.parse::<Uri>().unwrap();
    absolute(&target, version, &headers, &Scheme::HTTP).map(|uri| uri.to_string())
}

#[test]
fn the_host_must_be_one() {
    let (http_10, http_11, http_2) = (Version::HTTP_10, Version::HTTP_11, Version::HTTP_2);
    let ok = |text: &str| Ok(text.to_owned());
    for (target, version, hosts, want) in [
        ("/x", http_11, &["a:8081"][..], ok("http://a:8081/x")),
        ("/x", http_11, &["[::1]:80"], ok("http://[::1]:80/x")),
        ("/x", http_11, &["a:"], ok("http://a:/x")),
        ("/x", http_11, &[], Err(BadTarget::NoHost)),
        ("/x", http_10, &[], ok("http://localhost/x")),
        ("/x", http_10, &["a b"], Err(BadTarget::Host)),
        ("/x", http_11, &["a", "a"], Err(BadTarget::SeveralHosts)),
        // The target wins.
        ("http://a/x", http_11, &["b"], ok("http://a/x")),
        (
            "http://a/x",
            http_11,
            &["a", "a"],
            Err(BadTarget::SeveralHosts),
        ),
        ("http://a/x", http_11, &["b@c"], Err(BadTarget::Host)),
        ("http://a/x", http_11, &[], Err(BadTarget::NoHost)),
        ("http://a/x", http_10, &[], ok("http://a/x")),
        ("http://u@a/x", http_11, &["a"], Err(BadTarget::Address)),
        ("ftp://a/x", http_11, &["a"], Err(BadTarget::Address)),
        ("http://a/x", http_2, &[], ok("http://a/x")),
        ("http://a/x", http_2, &["A"], ok("http://a/x")),
        ("http://a/x", http_2, &["b"], Err(BadTarget::Ambiguous)),
        ("/x", http_2, &[], Err(BadTarget::NoHost)),
    ] {
        assert_eq!(
            got(target, version, hosts),
            want,
            "{target} {version:?} {hosts:?}"
        );
    }
    for bad in [
        "",
        "a b",
        "a@127.0.0.1",
        "@a",
        "a:99999",
        "a:x",
        "a:1:2",
        ":80",
        "a/b",
        "a,b",
        "[::1",
        "[x]",
        "[::1]x",
        "a%41",
        "a:+1",
        "a;b",
        "::1",
    ] {
        let refused = got("/", Version::HTTP_11, &[bad]);
        assert_eq!(refused, Err(BadTarget::Host), "{bad}");
    }
}

#[test]
fn a_path_has_one_spelling() {
    let path = |target: &str| got(target, Version::HTTP_11, &["a"]);
    assert_eq!(path("/%61pi?q=%61"), Ok("http://a/api?q=%61".to_owned()));
    assert_eq!(path("/a%2fb"), Ok("http://a/a%2Fb".to_owned()));
    assert_eq!(path("//a"), Err(BadTarget::NotCanonical));
    assert_eq!(path("/a/../b"), Err(BadTarget::NotCanonical));
    assert_eq!(path("/a%2"), Err(BadTarget::Escape));
}
