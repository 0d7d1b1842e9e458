//! `inventory-grpc` showing and holding stock: units are taken in Redis first, once per key, and what an interrupted
//! call left undone is done by its repeat.

use crate::bindings::mysql::DbValue;
use crate::replies::*;
use crate::rpc;
use crate::script::{Answer, Script};
use contract::api::identity::hash;
use domain::StockMode;
use domain::hex::hex;
use proto::inventory::v1 as pb;
use tests::grpc::Ended;

const TAKE: &str = "inventory UPDATE t_inventory";
const RECORD: &str = "inventory INSERT t_stock_hold";

fn ask(product_id: i64, sku_id: i64, quantity: i32) -> pb::PreDeductStockRequest {
    pb::PreDeductStockRequest {
        product_id,
        sku_id,
        quantity,
    }
}

fn call(
    asked: pb::PreDeductStockRequest,
    key: Option<&str>,
    script: &Script,
) -> Ended<pb::PreDeductStockResponse> {
    let method = "inventory.v1.InventoryService/PreDeductStock";
    rpc::call("inventory-grpc", method, &asked, key, script)
}

fn hold(script: &Script) -> Ended<pb::PreDeductStockResponse> {
    call(ask(1, 0, 5), Some("k"), script)
}

fn holder() -> String {
    format!("hold-{}", hex(&hash(&[b"k"])))
}

/// What the database has: the product's status and variant, and the key's hold: whether of the same payload, and its
/// units that were given back.
fn product(mode: StockMode, status: u8, has_sku: bool, made: Option<(bool, u64)>) -> Answer {
    let sku = DbValue::Uint64(0);
    rows([vec![
        DbValue::Uint8(mode.code()),
        DbValue::Uint8(status),
        DbValue::Int64(1_000_000),
        if has_sku { sku } else { DbValue::DbNull },
        made.map_or(DbValue::DbNull, |(same, _)| DbValue::Int32(i32::from(same))),
        made.map_or(DbValue::DbNull, |(_, back)| DbValue::Uint64(back)),
    ]])
}

fn looked(script: Script, mode: StockMode, made: Option<(bool, u64)>) -> Script {
    script.expect("inventory SELECT products", product(mode, 1, true, made))
}

/// Redis is brought up to date.
pub fn told(script: Script) -> Script {
    loaded(script).expect("sync {p1}", integer(1))
}

fn loaded(script: Script) -> Script {
    let row = vec![DbValue::Uint64(0), DbValue::Uint32(95), DbValue::Uint64(8)];
    script.expect("inventory SELECT t_inventory", rows([row]))
}

fn taken(script: Script) -> Script {
    script.expect("take {p1}", words(&["ok", "5:77"]))
}

fn locked(script: Script) -> Script {
    script
        .expect(TAKE, Answer::Done)
        .expect(RECORD, Answer::Done)
}

fn words(words: &[&str]) -> Answer {
    Answer::Redis(words.iter().map(text).collect())
}

pub fn count(number: i64) -> Answer {
    rows([vec![DbValue::Int64(number)]])
}

#[test]
fn units_are_taken_in_redis_and_then_in_the_database() {
    let script = told(locked(taken(looked(
        Script::default(),
        StockMode::Redis,
        None,
    ))));
    let reply = hold(&script).ok().unwrap();
    assert!(reply.success && reply.message.is_empty(), "{reply:?}");
    assert_eq!(script.values("take")[4..], [&holder(), "0", "5", "7000"]);
    assert_eq!(script.values(TAKE), ["5", "5", "1", "0", "5"]);
    let record = script.values(RECORD);
    assert_eq!(record[0], hex(&hash(&[b"k"])));
    assert_eq!(
        record[2..],
        ["5", "5", "60000", "1", "0", "1005000"],
        "for a minute, and within five seconds by the database's clock"
    );
    assert_eq!(
        script.values("sync")[4..],
        ["1", "0", "95", "8", &holder(), "0"]
    );
    let steps = script.steps();
    let at = |what: &str| steps.iter().position(|step| step == what).unwrap();
    assert!(at("take {p1}") < at(TAKE) && at("inventory COMMIT") < at("sync {p1}"));
    // Where the database decides orders, nothing is taken in Redis.
    let script = told(locked(looked(Script::default(), StockMode::Db, None)));
    assert!(hold(&script).ok().unwrap().success);
    assert_eq!(script.count("take"), 0);
}

#[test]
fn stock_that_redis_lacks_is_loaded() {
    let script = looked(Script::default(), StockMode::Redis, None);
    let script = told(script.expect("take {p1}", words(&["unloaded"])));
    let script = told(locked(taken(script)));
    assert!(hold(&script).ok().unwrap().success);
}

#[test]
fn what_is_not_there_is_an_answer() {
    let short = |script: Script| {
        let reply = hold(&looked(script, StockMode::Redis, None));
        assert_eq!(reply.refused(), (0, 30001));
        let reply = reply.ok().unwrap();
        assert!(!reply.success, "{reply:?}");
        assert_eq!(reply.message, "库存不足: product 1 sku 0");
    };
    // In Redis, also after it was brought up to date.
    let script = looked(Script::default(), StockMode::Redis, None);
    let script = told(script.expect("take", words(&["short"])));
    short(script.expect("take", words(&["short"])));
    // In the database: the reservation of this very attempt goes back.
    let script = taken(looked(Script::default(), StockMode::Redis, None))
        .expect(TAKE, Answer::Done)
        .expect("inventory SELECT ROW_COUNT()", count(0))
        .expect("put_back {p1}", integer(1));
    short(script.clone());
    assert_eq!(script.values("put_back")[4..], [&holder(), "0", "5:77"]);
}

#[test]
fn a_repeat_holds_nothing_more() {
    let again = |made| told(looked(Script::default(), StockMode::Redis, Some(made)));
    let script = again((true, 0));
    assert!(hold(&script).ok().unwrap().success);
    assert_eq!(script.count("take") + script.count(TAKE), 0);
    assert_eq!(
        hold(&again((false, 0))).refused(),
        (3, 20004),
        "another payload"
    );
    let expired = hold(&again((true, 5)));
    assert_eq!(expired.refused(), (9, 30005), "{}", expired.message);
    // The first call with the key was faster.
    let script = looked(Script::default(), StockMode::Db, None)
        .expect(TAKE, Answer::Done)
        .expect(RECORD, duplicate("uk_product_request"));
    let script = told(looked(script, StockMode::Db, Some((true, 0))));
    assert!(hold(&script).ok().unwrap().success);
    let script = looked(Script::default(), StockMode::Redis, None);
    let script = script.expect("take", words(&["busy", "900"]));
    let busy = hold(&looked(script, StockMode::Redis, None));
    assert_eq!(busy.refused(), (10, 20004), "to be repeated");
}

#[test]
fn without_a_key_each_call_is_a_hold_of_its_own() {
    let holders = [(); 2].map(|()| {
        let script = taken(looked(Script::default(), StockMode::Redis, None));
        let script = told(locked(script));
        let reply = call(ask(1, 0, 5), None, &script);
        assert!(reply.ok().unwrap().success);
        script.values("take")[4].clone()
    });
    assert!(holders.iter().all(|holder| holder.starts_with("hold-")));
    assert_ne!(holders[0], holders[1]);
}

#[test]
fn what_dies_on_the_way_is_left_to_a_repeat_or_the_relay() {
    // Redis, once the database has it: the units stay reserved there.
    let script = locked(taken(looked(Script::default(), StockMode::Redis, None)));
    let script = loaded(script).expect("sync", redis_away());
    assert!(hold(&script).ok().unwrap().success);
    // The answer to the commit.
    let script = taken(looked(Script::default(), StockMode::Redis, None));
    let script = locked(script).expect("inventory COMMIT", mysql_lost());
    assert_eq!(hold(&script).refused(), (14, 10005));
    assert_eq!(script.count("put_back"), 0);
    // Too late by the database's clock.
    let script = taken(looked(Script::default(), StockMode::Redis, None))
        .expect(TAKE, Answer::Done)
        .expect("inventory SELECT ROW_COUNT()", count(1))
        .expect(RECORD, Answer::Done)
        .expect("inventory SELECT ROW_COUNT()", count(0))
        .expect("put_back", integer(1));
    assert_eq!(hold(&script).refused(), (14, 10005));
}

#[test]
fn what_cannot_be_held_is_refused_before_anything_is_changed() {
    let none = Script::default().expect("inventory SELECT products", nothing());
    assert_eq!(hold(&none).refused(), (5, 30003));
    for (status, has_sku, expected) in [(0, true, (9, 40005)), (1, false, (5, 30003))] {
        let row = || product(StockMode::Redis, status, has_sku, None);
        let script = Script::default().expect("inventory SELECT products", row());
        let script = script.expect("inventory SELECT products", row());
        assert_eq!(hold(&script).refused(), expected);
    }
    for (asked, field) in [
        (ask(0, 0, 5), "product_id"),
        (ask(-1, 0, 5), "product_id"),
        (ask(1, -1, 5), "sku_id"),
        (ask(1, 1 << 62, 5), "sku_id"),
        (ask(1, 0, 0), "quantity"),
        (ask(1, 0, -5), "quantity"),
    ] {
        let reply = call(asked, Some("k"), &Script::default());
        assert_eq!(reply.refused(), (3, 10001), "{}", reply.message);
        assert!(reply.message.contains(field), "{}", reply.message);
    }
    let reply = call(ask(1, 0, 5), Some("a,b"), &Script::default());
    assert_eq!(reply.refused(), (3, 10001), "{}", reply.message);
}

#[test]
fn stock_as_it_is_shown() {
    let method = "inventory.v1.InventoryService/GetStock";
    let get = |sku_id, script: &Script| -> Ended<pb::GetStockResponse> {
        let asked = pb::GetStockRequest {
            product_id: 1,
            sku_id,
        };
        rpc::call("inventory-grpc", method, &asked, None, script)
    };
    let stored = |mode: StockMode, units: u32| {
        let row = [units, 4].map(DbValue::Uint32);
        let mut all = vec![DbValue::Uint64(1), DbValue::Uint64(2)];
        all.extend(row);
        all.push(DbValue::Uint8(mode.code()));
        Script::default().expect("inventory SELECT t_inventory", rows([all]))
    };
    let in_redis = words(&["a:2", "10", "r:2", "3", "v:2", "1"]);
    let script = stored(StockMode::Redis, 10).expect("HGETALL {p1}", in_redis);
    let stock = get(2, &script).ok().unwrap();
    assert_eq!((stock.available_stock, stock.locked_stock), (7, 7));
    let stock = get(2, &stored(StockMode::Db, u32::MAX)).ok().unwrap();
    assert_eq!((stock.available_stock, stock.locked_stock), (i32::MAX, 4));
    assert_eq!(get(3, &stored(StockMode::Db, 1)).refused(), (5, 30003));
    let none = Script::default().expect("inventory SELECT t_inventory", nothing());
    assert_eq!(get(0, &none).refused(), (5, 30003));
    assert_eq!(get(-1, &Script::default()).refused(), (3, 10001));
}
