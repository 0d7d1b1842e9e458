//! Tests of `signature`.

use super::*;
use crate::keys::Machines;

const NOW: u64 = 1_800_000_000;
const NONCE: &str = "5f0c1e7a9b3d4286";
/// `an example key of thirty-two by.`
const KEY: &str = "YW4gZXhhbXBsZSBrZXkgb2YgdGhpcnR5LXR3byBieS4";
const BODY: &[u8] =
    br#"{"order_id":"382556363634511872","payment_id":"pay-20260101-1","amount":39.80}"#;
const REQUEST: Signed<'_> = Signed {
    method: "POST",
    path: "/v1/payment/callback",
    query: "",
    body: BODY,
};

fn key(name: &str) -> Key {
    Key::of_machine(&format!("{name}:{KEY}")).unwrap()
}

fn header() -> String {
    sign(&key("pay-1"), &REQUEST, NOW, NONCE).unwrap()
}

/// A line as a host gets it, for a request.
fn judged(line: &[u8], request: &Signed<'_>, now: u64) -> Result<(), Refused> {
    Signature::parse(line)?.verify(&key("pay-1"), request, now)
}

/// Texts and signatures made by another program (Python's `urllib.parse`, `hashlib` and `hmac`).
#[test]
fn another_programs_signatures() {
    let query = "user_id=7&note=a+b%26c&&x=&note=%E4%B8%AD&user_id=10";
    let sorted = "note=%E4%B8%AD&note=a%20b%26c&user_id=10&user_id=7&x=";
    let hash = "7fac465574fabc9e8546fe83bc548f8897f34748309fadb046d44d3df6fc1872";
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let list = Signed {
        method: "GET",
        path: "/api/v1/failures",
        query: "",
        body: b"",
    };
    for (name, request, nonce, lines, signature) in [
        (
            "pay-1",
            REQUEST,
            NONCE,
            ["POST", "/v1/payment/callback", "", hash],
            "0a3Rd3exsGehc650zoz-0dzNWFgkU0u_9kwUdbHhn6k",
        ),
        (
            "pay-1",
            Signed { query, ..REQUEST },
            NONCE,
            ["POST", "/v1/payment/callback", sorted, hash],
            "QqURInzAzv02OI-vcTpa-bd1NxJOLHt3HiBNlv7Ls-o",
        ),
        (
            "cron",
            list,
            "~!#$%&()*+-./:;<=>?@[]^_`{|}x",
            ["GET", "/api/v1/failures", "", nothing],
            "b9kkWRyEKmiySKiaCvEJn4etzEugXCX6CZB2iZm2vyY",
        ),
    ] {
        let middle = lines.join("\n");
        let text = format!("flashorder-hmac-sha256\n{name}\n{middle}\n1800000000\n{nonce}");
        assert_eq!(request.text(name, NOW, nonce), text);
        let line = sign(&key(name), &request, NOW, nonce).unwrap();
        let wanted = format!(
            "HMAC-SHA256 key={name}, time=1800000000, nonce={nonce}, signature={signature}"
        );
        assert_eq!(line, wanted);
        let read = Signature::parse(line.as_bytes()).unwrap();
        assert_eq!(read.verify(&key(name), &request, NOW), Ok(()));
        assert!(!format!("{read:?}").contains(&signature[..4]), "{read:?}");
    }
}

/// The example of docs/users.md, which people build on.
#[test]
fn the_documented_example_is_right() {
    let document = include_str!("../../../docs/users.md");
    let query = "user_id=7&note=a+b%26c&x";
    for shown in [
        KEY,
        &format!("`?{query}`"),
        &format!("`{}`", in_one_spelling(query)),
        std::str::from_utf8(BODY).unwrap(),
        &REQUEST.text("pay-1", NOW, NONCE),
        &format!("Authorization: {}", header()),
    ] {
        assert!(document.contains(shown), "{shown}");
    }
}

#[test]
fn every_part_of_a_request_is_signed() {
    let line = header();
    assert_eq!(judged(line.as_bytes(), &REQUEST, NOW), Ok(()));
    let longer = [BODY, b" "].concat();
    for (what, other) in [
        (
            "method",
            Signed {
                method: "PUT",
                ..REQUEST
            },
        ),
        (
            "path",
            Signed {
                path: "/v1/payment/callbac",
                ..REQUEST
            },
        ),
        (
            "query",
            Signed {
                query: "user_id=7",
                ..REQUEST
            },
        ),
        (
            "longer body",
            Signed {
                body: &longer,
                ..REQUEST
            },
        ),
        (
            "no body",
            Signed {
                body: b"",
                ..REQUEST
            },
        ),
    ] {
        let judged = judged(line.as_bytes(), &other, NOW);
        assert_eq!(judged, Err(Refused::Invalid), "{what}");
    }
    for at in 0..BODY.len() {
        let mut body = BODY.to_vec();
        body[at] ^= 1;
        let other = Signed {
            body: &body,
            ..REQUEST
        };
        assert!(judged(line.as_bytes(), &other, NOW).is_err(), "{at}");
    }
}

/// A byte of the scheme or of a parameter's name may change to its other case, and no other byte.
#[test]
fn every_byte_of_a_header_counts() {
    let line = header();
    for at in 0..line.len() {
        for bit in 0..8 {
            let mut other = line.clone().into_bytes();
            other[at] ^= 1 << bit;
            let same = Signature::parse(&other) == Signature::parse(line.as_bytes());
            let judged = judged(&other, &REQUEST, NOW);
            assert_eq!(judged.is_ok(), same, "byte {at}, bit {bit}: {judged:?}");
            let case = bit == 5 && line.as_bytes()[at].is_ascii_alphabetic();
            assert!(!same || case, "byte {at}, bit {bit}");
        }
    }
    // Another machine's, though its key is the same.
    let renamed = line.replace("key=pay-1", "key=pay-2");
    let read = Signature::parse(renamed.as_bytes()).unwrap();
    assert_eq!(
        read.verify(&key("pay-2"), &REQUEST, NOW),
        Err(Refused::Invalid)
    );
    assert_eq!(
        read.verify(&key("pay-1"), &REQUEST, NOW),
        Err(Refused::Invalid)
    );
}

#[test]
fn the_order_and_the_spelling_of_a_query_do_not_matter() {
    let text = |query| Signed { query, ..REQUEST }.text("k", NOW, NONCE);
    let wanted = text("a=1&b=x%20y&b=z");
    for same in [
        "b=z&a=1&b=x%20y",
        "b=z&b=x+y&a=1",
        "&&a=1&b=%78%20y&b=z&",
        "%61=1&b=z&b=x%20%79",
    ] {
        assert_eq!(text(same), wanted, "{same}");
    }
    for other in [
        "a=1&b=z",
        "a=1&b=x%20y&b=z&b=z",
        "a=1&a=1&b=x%20y&b=z",
        "a=1&b=x%2By&b=z",
        "a=1&B=x%20y&b=z",
        "a=1&b=x%20y%26b=z",
        "a=1&b=x%20y&b=z&c",
        "a=1%0Ab=x%20y&b=z",
        "a%3D1=&b=x%20y&b=z",
    ] {
        assert_ne!(text(other), wanted, "{other}");
    }
    assert_eq!(text("c"), text("c="), "they are read as one");
    assert_eq!(text("é=%ff"), text("%C3%A9=%FF"));
}

#[test]
fn a_signature_is_valid_around_its_time() {
    let line = header();
    let at = |now| judged(line.as_bytes(), &REQUEST, now).err();
    for fine in [NOW - 300, NOW, NOW + 300] {
        assert_eq!(at(fine), None, "{fine}");
    }
    for late in [0, NOW - 301, NOW + 301, u64::MAX] {
        assert_eq!(at(late), Some(Refused::Time), "{late}");
    }
    let read = Signature::parse(line.as_bytes()).unwrap();
    assert_eq!(read.check_time(NOW + 300), Ok(()));
    assert_eq!(read.check_time(NOW + 301), Err(Refused::Time));
    // In milliseconds it is another time.
    let line = sign(&key("pay-1"), &REQUEST, NOW * 1_000, NONCE).unwrap();
    assert_eq!(judged(line.as_bytes(), &REQUEST, NOW), Err(Refused::Time));
}

#[test]
fn headers_in_every_form() {
    let signature = "0a3Rd3exsGehc650zoz-0dzNWFgkU0u_9kwUdbHhn6k";
    let (time, nonce) = (format!("time={NOW}"), format!("nonce={NONCE}"));
    let signed = format!("signature={signature}");
    for fine in [
        format!("HMAC-SHA256 {signed},{nonce},{time},key=pay-1"),
        format!("hmac-sha256  KEY=pay-1 ,\t{time} , Nonce=\"{NONCE}\", signature=\"{signature}\""),
        format!("HMAC-SHA256 key=\"pay-1\", time=\"{NOW}\", {nonce}, {signed}"),
    ] {
        assert_eq!(judged(fine.as_bytes(), &REQUEST, NOW), Ok(()), "{fine}");
    }
    let all = format!("key=pay-1, {time}, {nonce}, {signed}");
    let with = |from: &str, to: &str| format!("HMAC-SHA256 {}", all.replace(from, to));
    let mut wrong: Vec<Vec<u8>> = [
        String::new(),
        "HMAC-SHA256".into(),
        "HMAC-SHA256 ".into(),
        "HMAC-SHA256 ,".into(),
        all.clone(),
        format!("Bearer {all}"),
        format!("HMAC-SHA512 {all}"),
        format!("HMAC-SHA256, {all}"),
        format!("HMAC-SHA256\t{all}"),
        format!(" HMAC-SHA256 {all}"),
        format!("HMAC-SHA256 {all},"),
        format!("HMAC-SHA256 {all}, "),
        format!("HMAC-SHA256 {all}, {time}"),
        format!("HMAC-SHA256 {all}, key=pay-1"),
        format!("HMAC-SHA256 {all}, {nonce}"),
        format!("HMAC-SHA256 {all}, {signed}"),
        format!("HMAC-SHA256 {all}, extra=1"),
        with("key=pay-1, ", ""),
        with(&format!("{time}, "), ""),
        with(&format!("{nonce}, "), ""),
        with(&format!(", {signed}"), ""),
        with("key=", "key ="),
        with("key=", "key= "),
        with("key=pay-1", "key"),
        with("key=pay-1", "key=\"pay-1"),
        with("key=pay-1", "key=\"pay\\-1\""),
        with("time=", "time=+"),
        with("time=", "time=0"),
        with(&NOW.to_string(), "1.8e9"),
        with(&NOW.to_string(), "-1"),
        with(&NOW.to_string(), "99999999999999999999"),
        with(NONCE, &NONCE[1..]),
        with(NONCE, &"n".repeat(65)),
        with(NONCE, "5f0c1e7a 9b3d4286"),
        with(NONCE, "5f0c1e7a\\9b3d428"),
        with(NONCE, "5f0c1e7a\u{e9}9b3d428"),
        with(signature, &signature[1..]),
        with(signature, &format!("{signature}=")),
        with(signature, &format!("{signature}AAAA")),
        with(signature, &signature.replace('-', "+")),
        with(signature, ""),
    ]
    .map(String::into_bytes)
    .into();
    wrong.push([b"HMAC-SHA256 ", all.as_bytes(), b"\xff"].concat());
    wrong.push(with("key=pay-1, ", &format!("key=pay-1,{}", " ".repeat(2_000))).into_bytes());
    wrong.push(with("key=pay-1", &format!("key={}", "k".repeat(2_000))).into_bytes());
    for line in wrong {
        let shown = String::from_utf8_lossy(&line).into_owned();
        let judged = judged(&line, &REQUEST, NOW);
        assert_eq!(judged, Err(Refused::Invalid), "{shown}");
    }
}

#[test]
fn what_is_meant_as_a_signature() {
    for line in ["HMAC-SHA256", "hmac-sha256 ", "HMAC-SHA256 x"] {
        assert!(is_meant(line.as_bytes()), "{line}");
    }
    for line in [
        "",
        "HMAC-SHA",
        "HMAC-SHA256x",
        "HMAC-SHA2567 x",
        "Bearer HMAC-SHA256",
    ] {
        assert!(!is_meant(line.as_bytes()), "{line}");
    }
}

#[test]
fn nonces_are_checked_where_they_are_made_too() {
    for wrong in [
        "",
        "short",
        "with, a comma and more",
        "with a \"quote\" in it",
    ] {
        let signed = sign(&key("pay-1"), &REQUEST, NOW, wrong);
        assert_eq!(signed, Err(Refused::Invalid), "{wrong}");
    }
    let machines = Machines::parse(&format!("pay-1:provider:{KEY}")).unwrap();
    let line = header();
    let read = Signature::parse(line.as_bytes()).unwrap();
    let machine = machines.named(read.key).unwrap();
    assert_eq!(read.verify(&machine.key, &REQUEST, NOW), Ok(()));
}
