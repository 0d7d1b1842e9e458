//! Tests of `seckill`.

use super::*;

#[test]
fn tokens_read_back_and_nothing_else_does() {
    let token = Token {
        sale: SeckillId::parse("1-3").unwrap(),
        user: 7,
        nonce: "0123456789abcdef0123456789abcdef".to_owned(),
    };
    assert_eq!(Token::parse(&token.to_string()), Some(token.clone()));
    for bad in [
        "",
        "1-3.7",
        "1-3.7.zz",
        "1-3.-7.0123456789abcdef0123456789abcdef",
    ] {
        assert_eq!(Token::parse(bad), None, "{bad}");
    }
    assert_eq!(Token::parse(&format!("{token}.x")), None);
}

#[test]
fn a_purchase_is_for_what_its_token_is_for() {
    let token = "1-3.7.0123456789abcdef0123456789abcdef";
    let buy = |more: &str| BuyRequest::parse(format!(r#"{{"token":"{token}"{more}}}"#).as_bytes());
    assert_eq!(buy("").unwrap().quantity, 1);
    assert!(buy(r#","product_id":1,"seckill_id":"1-3","quantity":2"#).is_ok());
    for other in [r#","product_id":2"#, r#","seckill_id":"1-4""#] {
        assert!(
            matches!(buy(other), Err(Rejection::SeckillToken(_))),
            "{other}"
        );
    }
    assert!(matches!(
        buy(r#","quantity":0"#),
        Err(Rejection::Invalid { .. })
    ));
    assert!(matches!(
        buy(r#","quantity":-1"#),
        Err(Rejection::Invalid { .. })
    ));
}

#[test]
fn plans_name_what_is_wrong() {
    let good = r#"{"product_id":1,"price":9.9,"stock":100,"starts_at":0,"ends_at":"1970-01-01T00:00:02Z"}"#;
    let plan = CreateSeckillRequest::parse(good.as_bytes(), 0).unwrap();
    assert_eq!((plan.per_user_max, plan.ends_at), (1, 2_000));
    for (from, to, field) in [
        ("\"stock\":100", "\"stock\":0", "stock"),
        ("\"starts_at\":0,", "", "starts_at"),
        ("\"price\":9.9", "\"price\":-1", "price"),
        ("\"starts_at\":0", "\"starts_at\":\"soon\"", "starts_at"),
        // In seconds, and in microseconds.
        ("\"starts_at\":0", "\"starts_at\":1700000000", "starts_at"),
        (
            "\"starts_at\":0",
            "\"starts_at\":1700000000000000",
            "starts_at",
        ),
    ] {
        match CreateSeckillRequest::parse(good.replace(from, to).as_bytes(), 0) {
            Err(Rejection::Invalid { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{other:?}"),
        }
    }
}
