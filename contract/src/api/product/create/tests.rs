//! Tests of `create`.

use super::*;
use serde_json::json;

fn refused(body: serde_json::Value) -> String {
    match CreateProductRequest::parse(body.to_string().as_bytes()) {
        Err(Rejection::Invalid { field, .. }) => field,
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn drafts() {
    let plain = CreateProductRequest::parse(
        br#"{"id":"7","name":"Cup","price":9.5,"stock":3,"stock_mode":"db","status":0}"#,
    )
    .unwrap();
    assert_eq!(plain.id, Some(ProductId(7)));
    assert_eq!(plain.stock, [(SkuId(0), 3)]);
    assert_eq!(
        (plain.stock_mode, plain.sale),
        (StockMode::Db, SaleStatus::OffSale)
    );
    let skus = CreateProductRequest::parse(
        br#"{"name":"Cup","price":"1","skus":[{"sku_id":1,"stock":0},{"sku_id":"2","stock":5}]}"#,
    )
    .unwrap();
    assert_eq!(skus.stock, [(SkuId(1), 0), (SkuId(2), 5)]);
    assert_eq!((skus.id, skus.stock_mode), (None, StockMode::Redis));
}

#[test]
fn wrong_fields_are_named() {
    let with = |more: serde_json::Value| {
        let mut body = json!({"name": "Cup", "price": 1, "stock": 1});
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        refused(body)
    };
    for (more, field) in [
        (json!({"id": 0}), "id"),
        (json!({"id": "x"}), "id"),
        (json!({"id": 1u64 << 53}), "id"),
        (json!({"name": " "}), "name"),
        (json!({"name": null}), "name"),
        (json!({"name": "x".repeat(201)}), "name"),
        (json!({"image": "x".repeat(501)}), "image"),
        (json!({"price": null}), "price"),
        (json!({"price": -1}), "price"),
        (json!({"stock": null}), "stock"),
        (json!({"stock": -1}), "stock"),
        (json!({"stock": 1u64 << 31}), "stock"),
        (json!({"stock": 1.5}), "stock"),
        (json!({"skus": []}), "stock"),
        (json!({"stock": null, "skus": []}), "skus"),
        (
            json!({"stock": null, "skus": [{"stock": 1}]}),
            "skus[0].sku_id",
        ),
        (
            json!({"stock": null, "skus": [{"sku_id": "red", "stock": 1}]}),
            "skus[0].sku_id",
        ),
        (
            json!({"stock": null, "skus": [{"sku_id": 1}]}),
            "skus[0].stock",
        ),
        (
            json!({"stock": null, "skus": [{"sku_id": 1, "stock": 1}, {"sku_id": "1", "stock": 1}]}),
            "skus[1].sku_id",
        ),
        (json!({"stock_mode": "memory"}), "stock_mode"),
        (json!({"status": "gone"}), "status"),
    ] {
        assert_eq!(with(more.clone()), field, "{more}");
    }
}
