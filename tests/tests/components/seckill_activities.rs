//! `seckill-activities`: announcing and listing flash sales.

use crate::bindings::mysql::DbValue;
use crate::host::{Reply, request, send};
use crate::replies::*;
use crate::script::{Answer, Script};

fn announce(body: &str, script: &Script) -> Reply {
    let path = "/api/v1/seckill/activities";
    send("seckill-activities", request("POST", path, body), script)
}

fn plan(more: &str) -> String {
    let (from, to) = (now(), now() + 60_000);
    format!(r#"{{"product_id":1,"price":9.9,"stock":100,"starts_at":{from},"ends_at":{to}{more}}}"#)
}

fn product() -> Answer {
    rows([vec![
        DbValue::Str("键盘".to_owned()),
        DbValue::DbNull,
        DbValue::Uint8(0),
    ]])
}

#[test]
fn a_sale_is_announced_under_its_products_name() {
    for (more, name) in [("", "键盘"), (r#","name":"Night sale""#, "Night sale")] {
        let script = Script::default()
            .expect("inventory SELECT products", product())
            .expect(
                "inventory SELECT t_inventory",
                rows([vec![DbValue::Uint64(0)]]),
            )
            .expect("inventory INSERT seckill_activity", Answer::Done)
            .expect(
                "inventory SELECT LAST_INSERT_ID()",
                rows([vec![DbValue::Uint64(3)]]),
            );
        let reply = announce(&plan(more), &script);
        assert_eq!((reply.status, reply.code()), (201, 10000), "{reply:?}");
        assert_eq!(reply.body["seckill_id"], "1-3");
        assert_eq!(reply.body["name"], name);
        assert_eq!(reply.body["status"], "planned");
        assert!(reply.body["available_stock"].is_null());
        assert_eq!(
            reply.header("location"),
            Some("/api/v1/seckill/activities/1-3")
        );
        assert_eq!(script.count("inventory COMMIT"), 1);
    }
}

#[test]
fn a_sale_of_nothing_is_not_announced() {
    let script = Script::default().expect("inventory SELECT products", nothing());
    let reply = announce(&plan(""), &script);
    assert_eq!((reply.status, reply.code()), (404, 30003));
    let script = Script::default()
        .expect("inventory SELECT products", product())
        .expect("inventory SELECT t_inventory", nothing());
    let reply = announce(&plan(r#","sku_id":5"#), &script);
    assert_eq!((reply.status, reply.code()), (404, 30003));
    for more in [
        r#","per_user_limit":0"#,
        r#","per_user_limit":101"#,
        r#","sku_id":"x""#,
    ] {
        let reply = announce(&plan(more), &Script::default());
        assert_eq!((reply.status, reply.code()), (400, 10001), "{more}");
    }
    let script = Script::default()
        .expect("inventory SELECT products", product())
        .expect(
            "inventory SELECT t_inventory",
            rows([vec![DbValue::Uint64(0)]]),
        )
        .expect("inventory INSERT seckill_activity", mysql_lost());
    assert_eq!(announce(&plan(""), &script).status, 503);
}

#[test]
fn a_number_that_no_sku_can_carry_is_not_kept() {
    let script = Script::default()
        .expect("inventory SELECT products", product())
        .expect(
            "inventory SELECT t_inventory",
            rows([vec![DbValue::Uint64(0)]]),
        )
        .expect("inventory INSERT seckill_activity", Answer::Done)
        .expect(
            "inventory SELECT LAST_INSERT_ID()",
            rows([vec![DbValue::Uint64(1 << 30)]]),
        );
    assert_eq!(announce(&plan(""), &script).status, 500);
    assert_eq!(
        (
            script.count("inventory COMMIT"),
            script.count("inventory ROLLBACK")
        ),
        (0, 1)
    );
}

/// The row of a sale of product 1: 100 units at 9.90.
pub fn activity(number: u64, status: u8) -> Vec<DbValue> {
    vec![
        DbValue::Uint64(number),
        DbValue::Uint64(1),
        DbValue::Uint64(0),
        DbValue::Str("Night sale".to_owned()),
        DbValue::Int64(990),
        DbValue::Uint32(100),
        DbValue::Uint64(now() - 1_000),
        DbValue::Uint64(now() + 60_000),
        DbValue::Uint32(2),
        DbValue::Uint8(status),
    ]
}

#[test]
fn sales_are_listed_with_what_is_left() {
    let list = [activity(3, 1), activity(2, 2), activity(1, 0)];
    let script = Script::default()
        .expect("inventory SELECT seckill_activity", rows(list))
        .expect(
            "inventory SELECT seckill_activity",
            rows([vec![DbValue::Int64(13)]]),
        )
        .expect(
            "HMGET {p1}",
            Answer::Redis(["90", "30"].iter().map(text).collect()),
        );
    let path = "/api/v1/seckill/activities?product_id=1&status=all&page=1&page_size=3";
    let reply = send("seckill-activities", request("GET", path, ""), &script);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(
        (&reply.body["total"], &reply.body["page_size"]),
        (&13.into(), &3.into())
    );
    let left: Vec<_> = (0..3)
        .map(|at| reply.body["seckills"][at]["available_stock"].clone())
        .collect();
    assert_eq!(left, [60.into(), 0.into(), serde_json::Value::Null]);
    for bad in ["status=gone", "product_id=0", "page=0"] {
        let path = format!("/api/v1/seckill/activities?{bad}");
        let reply = send(
            "seckill-activities",
            request("GET", &path, ""),
            &Script::default(),
        );
        assert_eq!((reply.status, reply.code()), (400, 10001), "{bad}");
    }
}

#[test]
fn one_sale() {
    let path = "/api/v1/seckill/activities/1-3";
    let get =
        |path: &str, script: &Script| send("seckill-activities", request("GET", path, ""), script);
    let script = Script::default()
        .expect("inventory SELECT seckill_activity", rows([activity(3, 1)]))
        .expect("HMGET", redis_away());
    let reply = get(path, &script);
    assert_eq!(
        (reply.status, &reply.body["seckill_id"]),
        (200, &"1-3".into())
    );
    assert!(
        reply.body["available_stock"].is_null(),
        "without Redis it is not known"
    );
    let script = Script::default().expect("inventory SELECT seckill_activity", nothing());
    let reply = get(path, &script);
    assert_eq!((reply.status, reply.code()), (404, 40004));
    let reply = get("/api/v1/seckill/activities/x", &Script::default());
    assert_eq!((reply.status, reply.code()), (404, 40004));
}
