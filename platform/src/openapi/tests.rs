//! Tests of `openapi`.

use super::*;
use ureq::http::{HeaderMap, HeaderValue};

fn reply(status: u16, headers: &[(&'static str, &'static str)], body: &Value) -> Reply {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, HeaderValue::from_static(value));
    }
    Reply {
        status,
        headers: map,
        body: body.clone(),
        text: body.to_string(),
    }
}

fn refused(method: &str, path: &str, body: &str, reply: Reply) -> String {
    let checked = std::panic::catch_unwind(|| check(method, path, body, &reply));
    let said = checked.expect_err("refused");
    *said.downcast::<String>().expect("a text")
}

#[test]
fn what_the_document_does_not_say_is_noticed() {
    let json = [
        ("content-type", "application/json"),
        ("etag", "\"1\""),
        ("cache-control", "no-cache"),
    ];
    let product = |price: Value| {
        json!({"code": 10000, "id": "1", "name": "Tea", "image": null, "price": price, "stock": 1,
            "skus": [{"sku_id": "1", "stock": 1}], "status": "on_sale", "stock_mode": "redis", "updated_at": 1})
    };
    let good = product(json!(0.07));
    let path = "/api/v1/products/1";
    check("GET", path, "", &reply(200, &json, &good));
    let mut more = good.clone();
    more["colour"] = json!("green");
    let mut deeper = good.clone();
    deeper["skus"][0]["colour"] = json!("green");
    let mut less = good.clone();
    less.as_object_mut().unwrap().remove("name");
    for (body, word) in [
        (&more, "colour"),
        (&deeper, "/skus/0"),
        (&less, "name"),
        (&product(json!("0.07")), "/price"),
        (&product(json!(-0.01)), "/price"),
    ] {
        let said = refused("GET", path, "", reply(200, &json, body));
        assert!(said.contains(word), "{said}");
    }
    let unnamed = refused("GET", path, "", reply(201, &json, &good));
    assert!(unnamed.contains("status"), "{unnamed}");
    let tagless = refused("GET", path, "", reply(200, &json[..1], &good));
    assert!(tagless.contains("header"), "{tagless}");
    let untyped = refused("GET", path, "", reply(200, &json[1..], &good));
    assert!(untyped.contains("type"), "{untyped}");
    let nowhere = refused("GET", "/api/v1/teas", "", reply(200, &json, &good));
    assert!(nowhere.contains("route"), "{nowhere}");
}

#[test]
fn a_request_that_is_served_is_one_of_the_document() {
    let json = [("content-type", "application/json")];
    let done = reply(
        200,
        &json,
        &json!({"code": 10000, "success": true, "message": "done"}),
    );
    let path = "/v1/order/1/cancel";
    check("POST", path, "", &done);
    check("POST", path, r#"{"reason": "late"}"#, &done);
    let said = refused("POST", path, r#"{"reason": 1}"#, done);
    assert!(said.contains("/reason"), "{said}");
}

#[test]
fn a_fixed_path_goes_before_a_parameter() {
    let fits = |path: &str| {
        let of = operations().iter().filter(|one| one.method == "GET");
        let best = of.filter_map(|one| Some((one.fits(path)?, &one.id)));
        best.max().map(|(_, id)| id.clone()).unwrap()
    };
    assert_eq!(fits("/v1/order/list"), "listOrders");
    assert_eq!(fits("/v1/order/1"), "getOrder");
}
