//! Tests of `token`.

use super::*;

const NOW: u64 = 1_800_000_000;
const SCOPE: Scope<'_> = Scope {
    issuer: "flashorder",
    audience: "shop",
};

fn keys(names: &[&str]) -> Keys {
    let key = |name: &&str| {
        let secret = format!("{name:-<32}");
        format!("{name}:{}", URL_SAFE_NO_PAD.encode(secret))
    };
    let list: Vec<String> = names.iter().map(key).collect();
    Keys::parse(&list.join(",")).unwrap()
}

fn claims() -> Claims {
    Claims {
        subject: "user_7".into(),
        role: Role::Admin,
        issued_at: NOW,
        expires_at: NOW + 7_200,
        id: "t-1".into(),
    }
}

/// A token of these parts, each as it is, signed by the key `a`.
fn signed(header: &str, payload: &str) -> String {
    let parts = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part));
    let text = parts.join(".");
    let keys = keys(&["a"]);
    let signature = keys.signing().unwrap().key.sign(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn verified(token: &str) -> Result<Claims, Refused> {
    verify(&keys(&["a"]), SCOPE, token.as_bytes(), NOW)
}

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT","kid":"a"}"#;
const PAYLOAD: &str = r#"{"iss":"flashorder","aud":"shop","sub":"7","role":"user","iat":1800000000,"exp":1800000001,"jti":"x"}"#;

#[test]
fn what_was_signed_is_read() {
    let token = sign(&keys(&["a"]), SCOPE, &claims()).unwrap();
    assert_eq!(verified(&token), Ok(claims()));
    assert!(token.len() < 350, "{}", token.len());
}

/// RFC 7515, appendix A.1: made by others.
#[test]
fn another_programs_signature() {
    let secret =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let keys = Keys::parse(&format!("joe:{secret}")).unwrap();
    let text = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let key = &keys.signing().unwrap().key;
    assert_eq!(URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes())), signature);
}

#[test]
fn a_key_is_replaced_while_both_are_valid() {
    let old = sign(&keys(&["a"]), SCOPE, &claims()).unwrap();
    let both = keys(&["b", "a"]);
    assert!(verify(&both, SCOPE, old.as_bytes(), NOW).is_ok());
    let new = sign(&both, SCOPE, &claims()).unwrap();
    assert!(verify(&keys(&["b"]), SCOPE, new.as_bytes(), NOW).is_ok());
    assert_eq!(
        verify(&keys(&["b"]), SCOPE, old.as_bytes(), NOW),
        Err(Refused::Invalid)
    );
}

#[test]
fn a_token_is_valid_for_a_time() {
    let token = sign(&keys(&["a"]), SCOPE, &claims()).unwrap();
    let at = |now| verify(&keys(&["a"]), SCOPE, token.as_bytes(), now).err();
    let end = NOW + 7_200;
    assert_eq!(at(0), None, "no claim says when it begins");
    assert_eq!(at(end + LEEWAY_SECONDS - 1), None);
    assert_eq!(at(end + LEEWAY_SECONDS), Some(Refused::Expired));
    assert_eq!(at(u64::MAX), Some(Refused::Expired));
    let later = |nbf: u64| PAYLOAD.replace(r#""exp""#, &format!(r#""nbf":{nbf},"exp""#));
    assert!(verified(&signed(HEADER, &later(NOW + LEEWAY_SECONDS))).is_ok());
    assert_eq!(
        verified(&signed(HEADER, &later(NOW + LEEWAY_SECONDS + 1))),
        Err(Refused::Invalid)
    );
    let endless = PAYLOAD.replace("1800000001", "18446744073709551615");
    assert!(verified(&signed(HEADER, &endless)).is_ok());
}

#[test]
fn headers_do_not_choose_how_they_are_verified() {
    assert!(verified(&signed(HEADER, PAYLOAD)).is_ok());
    for taken in [
        r#"{"kid":"a","alg":"HS256"}"#,
        r#"{"kid":"a","alg":"HS256","typ":"jwt","jku":"http://else"}"#,
    ] {
        assert!(verified(&signed(taken, PAYLOAD)).is_ok(), "{taken}");
    }
    for refused in [
        "",
        "{}",
        "null",
        "[]",
        r#"{"alg":"HS256"}"#,
        r#"{"kid":"a"}"#,
        r#"{"alg":"none","kid":"a"}"#,
        r#"{"alg":"hs256","kid":"a"}"#,
        r#"{"alg":"HS512","kid":"a"}"#,
        r#"{"alg":"RS256","kid":"a"}"#,
        r#"{"alg":"HS256","kid":"b"}"#,
        r#"{"alg":"HS256","kid":["a"]}"#,
        r#"{"alg":"HS256","kid":"a","kid":"a"}"#,
        r#"{"alg":"HS256","kid":"a","crit":["exp"]}"#,
        r#"{"alg":"HS256","kid":"a","typ":"JWE"}"#,
        "{\"alg\":\"HS256\",\"kid\":\"a\"} x",
    ] {
        assert_eq!(
            verified(&signed(refused, PAYLOAD)),
            Err(Refused::Invalid),
            "{refused}"
        );
    }
}

#[test]
fn claims_of_others_are_refused() {
    let several = PAYLOAD.replace(r#""shop""#, r#"["desk","shop"]"#);
    assert!(verified(&signed(HEADER, &several)).is_ok());
    for (from, to) in [
        (r#""flashorder""#, r#""other""#),
        (r#""shop""#, r#""other""#),
        (r#""shop""#, r#"["other"]"#),
        (r#""shop""#, "[]"),
        (r#""shop""#, "7"),
        (r#""user""#, r#""root""#),
        (r#""user""#, r#""provider""#),
        (r#""user""#, r#""Admin""#),
        (r#""user""#, "null"),
        (r#""role":"user","#, ""),
        (r#""role":"user","#, r#""role":"user","role":"admin","#),
        (r#""sub":"7","#, ""),
        ("1800000001", r#""1800000001""#),
        ("1800000001", "-1"),
        ("1800000001", "1e400"),
        (r#","exp":1800000001"#, ""),
        (r#""7""#, "7"),
        ("}", ""),
    ] {
        assert!(PAYLOAD.contains(from), "{from}");
        let payload = PAYLOAD.replace(from, to);
        assert_eq!(
            verified(&signed(HEADER, &payload)),
            Err(Refused::Invalid),
            "{payload}"
        );
    }
}

#[test]
fn no_other_text_is_a_token() {
    let token = sign(&keys(&["a"]), SCOPE, &claims()).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let last = if signature.ends_with('A') { 'B' } else { 'A' };
    for other in [
        String::new(),
        ".".into(),
        "..".into(),
        signed.into(),
        format!("{signed}."),
        format!("{token}."),
        format!("{token}="),
        format!(" {token}"),
        format!("{header}.{payload}.{payload}.{signature}"),
        format!("{header}.{signature}"),
        format!("{signed}.{}{last}", &signature[..signature.len() - 1]),
        format!("{signed}.{}", &signature[1..]),
        format!("{header}.{}.{signature}", &payload[..payload.len() - 4]),
        token.replace('.', ","),
        "x".repeat(TOKEN_BYTES_MAX + 1),
        format!("{token}{}", "A".repeat(10_000)),
    ] {
        assert_eq!(verified(&other), Err(Refused::Invalid), "{other}");
    }
    let bytes = [token.as_bytes(), b"\xff"].concat();
    assert_eq!(
        verify(&keys(&["a"]), SCOPE, &bytes, NOW),
        Err(Refused::Invalid)
    );
    // Each byte counts.
    for at in 0..token.len() {
        let mut other = token.clone().into_bytes();
        other[at] ^= 1;
        assert!(verify(&keys(&["a"]), SCOPE, &other, NOW).is_err(), "{at}");
    }
}
