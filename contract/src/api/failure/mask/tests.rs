//! Tests of `mask`.

use super::*;

#[test]
fn only_what_is_private_is_hidden() {
    for (text, shown) in [
        (
            r#"{"user_id":7,"shipping_address":"Main St 1, \"rear\"","remark":"x"}"#,
            r#"{"user_id":7,"shipping_address":"***","remark":"x"}"#,
        ),
        (
            r#"{"Phone" : 13800000000, "quantity":-1}"#,
            r#"{"Phone" : ***, "quantity":-1}"#,
        ),
        (
            r#"{"event":"{\"shipping_address\":\"Main \\\"St\\\" 1\",\"remark\":\"y\"}"}"#,
            r#"{"event":"{\"shipping_address\":\"***\",\"remark\":\"y\"}"}"#,
        ),
        (
            r#"{"address":{"street":"Main }","lines":[{"no":1}]},"quantity":2}"#,
            r#"{"address":***,"quantity":2}"#,
        ),
        (r#"{"phones":["1","2"],"a":1}"#, r#"{"phones":***,"a":1}"#),
        (
            "user=7&contactPhone=138&quantity=1",
            "user=7&contactPhone=***&quantity=1",
        ),
        ("{address: 'Main St', n: 1}", "{address: '***', n: 1}"),
        ("{\"收货地址\":\"某路1号\"}", "{\"收货地址\":\"***\"}"),
        ("shipping_address is missing", "shipping_address is missing"),
        ("", ""),
    ] {
        assert_eq!(masked(text), shown, "{text}");
    }
}

#[test]
fn what_is_cut_off_stays_hidden() {
    let whole = r#"{"kind":"order","event":"{\"shipping_address\":\"Secret 9\",\"phone\":[\"Secret\",\"Secret\"],\"x\":{\"address\":{\"a\":\"Secret\"}}}"}"#;
    assert!(!masked(whole).contains("Secret"));
    for end in 0..=whole.len() {
        let shown = masked(&whole[..end]);
        for part in ["Secret", "Secre", "Secr", "Sec"] {
            assert!(!shown.contains(part), "{end}: {shown}");
        }
    }
}
