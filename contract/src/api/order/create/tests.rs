//! Bodies as the five systems' clients send them, and every way to get one wrong.

use super::*;
use serde_json::json;

fn draft(body: serde_json::Value) -> Draft {
    CreateOrderRequest::parse(body.to_string().as_bytes()).unwrap()
}

fn refused(body: &str) -> (String, String) {
    match CreateOrderRequest::parse(body.as_bytes()) {
        Err(Rejection::Invalid { field, reason }) => (field, reason),
        other => panic!("{body}: {other:?}"),
    }
}

fn line(product: u64, sku: u64, quantity: u32, price: Option<i64>) -> DraftLine {
    DraftLine {
        product: ProductId(product),
        sku: SkuId(sku),
        quantity,
        price: price.and_then(Cents::new),
    }
}

#[test]
fn items_by_users_with_names() {
    let draft = draft(json!({
        "user_id": "user_123",
        "items": [{"product_id": 1, "quantity": 2, "price": 99.99}, {"product_id": "2", "quantity": 1, "price": 5}],
    }));
    assert_eq!(draft.user.unwrap().shown(), "user_123");
    assert_eq!(
        draft.lines,
        [line(1, 0, 2, Some(9999)), line(2, 0, 1, Some(500))]
    );
    assert_eq!(draft.idempotency_key, None);
}

#[test]
fn numbers_equal_in_value_are_equal() {
    for (product, quantity, price) in [
        ("1", "2", "99.99"),
        ("1.0", "2.0", "99.990"),
        ("1e0", "20e-1", "9.999e1"),
        ("\"1\"", "2", "\"99.99\""),
    ] {
        let body = format!(
            r#"{{"user_id":7.0,"items":[{{"product_id":{product},"quantity":{quantity},"price":{price}}}]}}"#
        );
        let draft = CreateOrderRequest::parse(body.as_bytes()).unwrap();
        assert_eq!(draft.lines, [line(1, 0, 2, Some(9999))], "{body}");
        assert_eq!(draft.user.unwrap().shown(), "7");
    }
    // 3 * 99.99 in doubles.
    let amount = r#"{"UserID":7,"ProductID":1,"Quantity":3,"Amount":299.96999999999997}"#;
    let draft = CreateOrderRequest::parse(amount.as_bytes()).unwrap();
    assert_eq!(draft.lines, [line(1, 0, 3, Some(9999))]);
    for (amount, field) in [
        ("299.9699", "Amount"),
        ("299.96", "amount"),
        ("1e9", "Amount"),
    ] {
        let other = format!(r#"{{"UserID":7,"ProductID":1,"Quantity":3,"Amount":{amount}}}"#);
        assert_eq!(refused(&other).0, field, "{other}");
    }
}

#[test]
fn the_full_body_of_the_user_interface() {
    let draft = draft(json!({
        "user_id": 10001,
        "items": [{"product_id": "7", "sku_id": 70, "product_name": "键盘", "product_image": "/7.png", "price": "1.50", "quantity": 3}],
        "shipping_address": {"city": "上海", "lines": [1]},
        "remark": "", "payment_method": "alipay", "token": "t-1", "unknown": {"ignored": true},
    }));
    assert_eq!(draft.user.unwrap().id.get(), 10001);
    assert_eq!(draft.lines, [line(7, 70, 3, Some(150))]);
    assert_eq!(
        draft.shipping_address.as_deref(),
        Some(r#"{"city":"上海","lines":[1]}"#)
    );
    assert_eq!(
        (draft.remark, draft.payment_method.as_deref()),
        (None, Some("alipay"))
    );
    assert_eq!(draft.idempotency_key.as_deref(), Some("t-1"));
}

#[test]
fn one_product_at_the_top() {
    let buy_now = draft(json!({"product_id": 3, "quantity": 1}));
    assert_eq!(
        (buy_now.user, buy_now.lines),
        (None, vec![line(3, 0, 1, None)])
    );
    let capitals = draft(json!({
        "IdempotencyKey": "k", "UserID": 5, "ProductID": 3, "Quantity": 4, "Amount": 10.0
    }));
    assert_eq!(capitals.lines, [line(3, 0, 4, Some(250))]);
    assert_eq!(capitals.idempotency_key.as_deref(), Some("k"));
    for spelling in [
        "idempotency_key",
        "IdempotencyToken",
        "IdempotencyKey",
        "token",
    ] {
        let body = json!({"product_id": 3, "quantity": 1, spelling: "k"});
        assert_eq!(draft(body).idempotency_key.as_deref(), Some("k"));
    }
}

#[test]
fn addresses_of_every_kind() {
    let kept = |address: serde_json::Value| {
        draft(json!({"product_id": 1, "quantity": 1, "shipping_address": address})).shipping_address
    };
    assert_eq!(
        kept(json!("1 \"Main\" St")).as_deref(),
        Some("1 \"Main\" St")
    );
    assert_eq!(kept(json!("{\"a\":1}")).as_deref(), Some("{\"a\":1}"));
    assert_eq!(kept(json!(["a"])).as_deref(), Some("[\"a\"]"));
    assert_eq!((kept(json!(null)), kept(json!(""))), (None, None));
}

#[test]
fn lengths_count_characters() {
    let body =
        |remark: String| json!({"product_id": 1, "quantity": 1, "remark": remark}).to_string();
    assert!(CreateOrderRequest::parse(body("字".repeat(200)).as_bytes()).is_ok());
    assert_eq!(refused(&body("字".repeat(201))).0, "remark");
}

#[test]
fn wrong_fields_are_named() {
    let item = |item: &str| format!(r#"{{"items":[{{"product_id":1,"quantity":1}},{item}]}}"#);
    let one = |more: &str| format!(r#"{{"product_id":1,"quantity":1,{more}}}"#);
    let long = |chars: usize| "x".repeat(chars);
    for (body, field) in [
        ("{}".into(), "items"),
        (r#"{"items":null}"#.into(), "items"),
        (r#"{"items":[]}"#.into(), "items"),
        (r#"{"items":{}}"#.into(), "items"),
        (r#"{"items":[1]}"#.into(), "items[0]"),
        (item(r#"{"quantity":1}"#), "items[1].product_id"),
        (item(r#"{"product_id":0,"quantity":1}"#), "items[1].product_id"),
        (item(r#"{"product_id":-2,"quantity":1}"#), "items[1].product_id"),
        (item(r#"{"product_id":"abc","quantity":1}"#), "items[1].product_id"),
        (item(r#"{"product_id":1.5,"quantity":1}"#), "items[1].product_id"),
        (item(r#"{"product_id":2}"#), "items[1].quantity"),
        (item(r#"{"product_id":2,"quantity":0}"#), "items[1].quantity"),
        (item(r#"{"product_id":2,"quantity":-5}"#), "items[1].quantity"),
        (item(r#"{"product_id":2,"quantity":2147483648}"#), "items[1].quantity"),
        (item(r#"{"product_id":2,"quantity":99999999999999999999}"#), "items[1].quantity"),
        (item(r#"{"product_id":2,"quantity":1.5}"#), "items[1].quantity"),
        (item(r#"{"product_id":2,"quantity":"1"}"#), "items[1].quantity"),
        (item(r#"{"product_id":2,"quantity":1,"price":-1}"#), "items[1].price"),
        (item(r#"{"product_id":2,"quantity":1,"price":1.005}"#), "items[1].price"),
        (item(r#"{"product_id":2,"quantity":1,"price":1e400}"#), "items[1].price"),
        (item(r#"{"product_id":2,"quantity":2,"price":99999999.99}"#), "items[1].quantity"),
        (item(r#"{"product_id":2,"quantity":1,"sku_id":"red"}"#), "items[1].sku_id"),
        (item(r#"{"product_id":1,"quantity":1}"#), "items[1]"),
        (item(r#"{"product_id":"01","sku_id":0,"quantity":9}"#), "items[1]"),
        (
            r#"{"items":[{"product_id":1,"sku_id":1,"quantity":1,"price":1},{"product_id":1,"sku_id":2,"quantity":1,"price":2}]}"#.into(),
            "items[1].price",
        ),
        (item(&format!(r#"{{"product_id":2,"quantity":1,"product_name":"{}"}}"#, long(201))), "items[1].product_name"),
        (item(&format!(r#"{{"product_id":2,"quantity":1,"product_image":"{}"}}"#, long(501))), "items[1].product_image"),
        (r#"{"items":[{"product_id":1,"quantity":1}],"product_id":2}"#.into(), "product_id"),
        (r#"{"items":[{"product_id":1,"quantity":1}],"Amount":2}"#.into(), "amount"),
        (r#"{"product_id":1}"#.into(), "quantity"),
        (r#"{"product_id":1,"quantity":3,"amount":10}"#.into(), "amount"),
        (r#"{"product_id":1,"quantity":2,"amount":10,"price":4}"#.into(), "amount"),
        (one(r#""user_id":"""#), "user_id"),
        (one(r#""user_id":-1"#), "user_id"),
        (one(r#""user_id":[]"#), "user_id"),
        (one(&format!(r#""user_id":"{}""#, long(65))), "user_id"),
        (one(r#""shipping_address":7"#), "shipping_address"),
        (one(r#""shipping_address":true"#), "shipping_address"),
        (one(&format!(r#""shipping_address":"{}""#, long(501))), "shipping_address"),
        (one(r#""remark":7"#), "remark"),
        (one(&format!(r#""payment_method":"{}""#, long(21))), "payment_method"),
        (one(r#""token":"""#), "idempotency_key"),
        (one(r#""token":"a\nb""#), "idempotency_key"),
        (one(&format!(r#""token":"{}""#, long(256))), "idempotency_key"),
        ("[]".into(), "body"),
        ("".into(), "body"),
        ("{\"items\":".into(), "body"),
        ("{} {}".into(), "body"),
    ] {
        let (named, reason) = refused(&body);
        assert_eq!(named, field, "{body}: {reason}");
        assert!(!reason.is_empty());
    }
    let hundred_and_one: Vec<_> = (1..=101)
        .map(|product| json!({"product_id": product, "quantity": 1}))
        .collect();
    assert_eq!(
        refused(&json!({"items": hundred_and_one}).to_string()).0,
        "items"
    );
}

#[test]
fn two_spellings_of_one_field_are_refused() {
    let (_, reason) = refused(r#"{"product_id":1,"quantity":1,"token":"a","IdempotencyKey":"b"}"#);
    assert!(reason.contains("duplicate field"), "{reason}");
}
