//! `inventory-grpc` confirming and rolling back: a line of another system's order moves held units once; lines of our
//! own orders are moved by these orders.

use crate::bindings::mysql::DbValue;
use crate::replies::*;
use crate::rpc;
use crate::script::{Answer, Script};
use crate::stock_hold::{count, told};
use domain::hold::LineState;
use domain::{OrderId, Status};
use proto::inventory::v1 as pb;
use tests::grpc::Ended;

const LINES: &str = "inventory SELECT t_external_line";
const LOCK: &str = "inventory SELECT t_inventory FOR UPDATE";
const HOLDS: &str = "inventory SELECT t_stock_hold";
const OF_HOLD: &str = "inventory UPDATE t_stock_hold";
const UNITS: &str = "inventory UPDATE t_inventory";
const INSERT: &str = "inventory INSERT t_external_line";

fn confirmation(order: OrderId) -> pb::ConfirmDeductStockRequest {
    pb::ConfirmDeductStockRequest {
        message_id: "m".to_owned(),
        order_id: order.get() as i64,
        product_id: 1,
        sku_id: 0,
        quantity: 5,
    }
}

fn confirm(
    asked: &pb::ConfirmDeductStockRequest,
    key: Option<&str>,
    script: &Script,
) -> Ended<pb::ConfirmDeductStockResponse> {
    let method = "inventory.v1.InventoryService/ConfirmDeductStock";
    rpc::call("inventory-grpc", method, asked, key, script)
}

fn roll_back(order: OrderId, script: &Script) -> Ended<pb::RollbackStockResponse> {
    let method = "inventory.v1.InventoryService/RollbackStock";
    let asked = pb::RollbackStockRequest {
        order_id: order.get() as i64,
        product_id: 1,
        sku_id: 0,
        quantity: 5,
    };
    rpc::call("inventory-grpc", method, &asked, None, script)
}

/// A row of a line, found by itself or by the message.
fn line(order: OrderId, quantity: u32, state: LineState, by_message: bool) -> Answer {
    rows([vec![
        DbValue::Uint64(order.get()),
        DbValue::Uint64(1),
        DbValue::Uint64(0),
        DbValue::Uint32(quantity),
        DbValue::Uint8(state.code()),
        DbValue::Int32(i32::from(by_message)),
    ]])
}

/// The order is none of ours.
fn foreign(script: Script) -> Script {
    script
        .expect(LINES, nothing())
        .expect("GET {u7}", no_key())
        .expect("order_1 SELECT t_order", nothing())
}

fn locked(script: Script, found: Answer) -> Script {
    let row = vec![DbValue::Uint64(0)];
    script.expect(LOCK, rows([row])).expect(LINES, found)
}

fn holds(open: &[(u64, u32)]) -> Answer {
    let row = |(id, units): &(u64, u32)| vec![DbValue::Uint64(*id), DbValue::Uint32(*units)];
    Answer::Rows(open.iter().map(row).collect())
}

fn moved(script: Script, holds: usize) -> Script {
    let script = (0..holds).fold(script, |script, _| script.expect(OF_HOLD, Answer::Done));
    script.expect(UNITS, Answer::Done)
}

#[test]
fn held_units_are_sold_once_per_message() {
    let order = minted(60_000, 1);
    let script = locked(foreign(Script::default()), nothing()).expect(HOLDS, holds(&[(70, 5)]));
    let script = told(moved(script, 1).expect(INSERT, Answer::Done));
    let reply = confirm(&confirmation(order), None, &script);
    assert!(reply.ok().unwrap().success);
    assert_eq!(script.values(HOLDS), ["1", "0", "5"], "one of that size");
    assert_eq!(script.values(OF_HOLD), ["5", "5", "5", "70", "5"]);
    assert_eq!(script.values(UNITS), ["5", "5", "5", "1", "0", "5"]);
    let id = order.to_string();
    assert_eq!(script.values(INSERT), [&id, "1", "0", "5", "1", "6d"]);
    // Delivered again: nobody is asked whose order it is.
    let found = |quantity| line(order, quantity, LineState::Confirmed, true);
    let again = |quantity| {
        let script = Script::default().expect(LINES, found(quantity));
        let script = locked(script, found(quantity));
        let reply = confirm(&confirmation(order), None, &script);
        assert_eq!(script.count(UNITS) + script.count(OF_HOLD), 0);
        reply.refused()
    };
    assert_eq!(again(5), (0, 0));
    assert_eq!(again(4), (3, 20004), "the message with another quantity");
    let by_another = || line(order, 5, LineState::Confirmed, false);
    let script = locked(Script::default().expect(LINES, by_another()), by_another());
    let reply = confirm(&confirmation(order), None, &script);
    assert_eq!(reply.refused(), (9, 20005), "{}", reply.message);
}

#[test]
fn units_come_from_several_holds_or_from_the_one_that_is_named() {
    let order = minted(60_000, 1);
    let asked = confirmation(order);
    let open = || locked(foreign(Script::default()), nothing());
    let script = open().expect(HOLDS, nothing());
    let script = moved(script.expect(HOLDS, holds(&[(71, 4), (70, 3)])), 2);
    let script = told(script.expect(INSERT, Answer::Done));
    assert!(confirm(&asked, None, &script).ok().unwrap().success);
    assert_eq!(
        script.all_values(OF_HOLD),
        [["4", "4", "4", "71", "4"], ["1", "1", "1", "70", "1"]]
    );
    let script = moved(open().expect(HOLDS, holds(&[(70, 9)])), 1);
    let script = told(script.expect(INSERT, Answer::Done));
    assert!(confirm(&asked, Some("k"), &script).ok().unwrap().success);
    assert_eq!(script.values(HOLDS)[2].len(), 32, "by the hash of its key");
    assert_eq!(script.values(OF_HOLD), ["5", "5", "5", "70", "5"]);
    // Fewer are held.
    let few = || open().expect(HOLDS, holds(&[(70, 4)]));
    let script = few();
    let reply = confirm(&asked, Some("k"), &script);
    assert_eq!(reply.refused(), (9, 30005), "{}", reply.message);
    let script = open()
        .expect(HOLDS, nothing())
        .expect(HOLDS, holds(&[(70, 4)]));
    let reply = confirm(&asked, None, &script);
    assert_eq!(reply.refused(), (9, 30005), "{}", reply.message);
    assert_eq!(script.count(UNITS) + script.count(INSERT), 0);
}

#[test]
fn a_line_is_rolled_back_once() {
    let order = minted(60_000, 1);
    let script = locked(foreign(Script::default()), nothing()).expect(HOLDS, holds(&[(70, 5)]));
    let script = told(moved(script, 1).expect(INSERT, Answer::Done));
    assert!(roll_back(order, &script).ok().unwrap().success);
    assert_eq!(script.values(UNITS), ["5", "5", "1", "0", "5"]);
    let id = order.to_string();
    assert_eq!(script.values(INSERT), [&id, "1", "0", "5", "2", "NULL"]);
    // After its confirmation: from what is sold.
    let known = |quantity, state| {
        let found = || line(order, quantity, state, false);
        locked(Script::default().expect(LINES, found()), found())
    };
    let script = moved(known(5, LineState::Confirmed), 0)
        .expect("inventory UPDATE t_external_line", Answer::Done);
    let script = told(script);
    assert!(roll_back(order, &script).ok().unwrap().success);
    assert_eq!(script.values(UNITS), ["5", "5", "5", "1", "0", "5"]);
    assert_eq!(
        script.values("inventory UPDATE t_external_line"),
        ["3", &id, "1", "0", "1"]
    );
    for state in [LineState::RolledBack, LineState::Returned] {
        let script = known(5, state);
        assert!(roll_back(order, &script).ok().unwrap().success);
        assert_eq!(script.count(UNITS), 0, "{state}");
    }
    let reply = roll_back(order, &known(4, LineState::Confirmed));
    assert_eq!(reply.refused(), (3, 10001), "{}", reply.message);
    assert!(reply.message.contains("quantity"), "{}", reply.message);
}

#[test]
fn our_own_orders_are_left_to_themselves() {
    let id = minted(60_000, 1);
    let own = |status| {
        let mut order = order(id, status, 1);
        for item in &mut order.items {
            item.quantity = 5;
        }
        order.items.truncate(1);
        Script::default()
            .expect(LINES, nothing())
            .expect("GET {u7}", no_key())
            .expect("order_1 SELECT t_order", loaded(&order))
    };
    let product = order(id, Status::Paid, 1).items[0].product.0 as i64;
    let sku = order(id, Status::Paid, 1).items[0].sku.0 as i64;
    for (status, confirmed, rolled_back) in [
        (Status::Pending, (9, 20005), (9, 20005)),
        (Status::Paid, (0, 0), (9, 20005)),
        (Status::Cancelled, (9, 20005), (0, 0)),
    ] {
        let asked = pb::ConfirmDeductStockRequest {
            product_id: product,
            sku_id: sku,
            ..confirmation(id)
        };
        let reply = confirm(&asked, None, &own(status));
        assert_eq!(reply.refused(), confirmed, "{status}: {}", reply.message);
        let method = "inventory.v1.InventoryService/RollbackStock";
        let asked = pb::RollbackStockRequest {
            order_id: id.get() as i64,
            product_id: product,
            sku_id: sku,
            quantity: 5,
        };
        let reply: Ended<pb::RollbackStockResponse> =
            rpc::call("inventory-grpc", method, &asked, None, &own(status));
        assert_eq!(reply.refused(), rolled_back, "{status}: {}", reply.message);
    }
}

#[test]
fn what_is_asked_for_badly_reaches_no_server() {
    let order = minted(60_000, 1);
    type Change = fn(&mut pb::ConfirmDeductStockRequest);
    let changes: [(&str, Change); 6] = [
        ("message_id", |asked| asked.message_id.clear()),
        ("message_id", |asked| asked.message_id = "x".repeat(256)),
        ("order_id", |asked| asked.order_id = 0),
        ("product_id", |asked| asked.product_id = -1),
        ("sku_id", |asked| asked.sku_id = -1),
        ("quantity", |asked| asked.quantity = 0),
    ];
    for (field, change) in changes {
        let mut asked = confirmation(order);
        change(&mut asked);
        let reply = confirm(&asked, None, &Script::default());
        assert_eq!(reply.refused(), (3, 10001), "{field}: {}", reply.message);
        assert!(reply.message.contains(field), "{}", reply.message);
    }
    // A variant that is not there.
    for (product, code) in [(nothing(), 30003), (count(1), 30003)] {
        let script = foreign(Script::default()).expect(LOCK, nothing());
        let script = script.expect("inventory SELECT products", product);
        let reply = confirm(&confirmation(order), None, &script);
        assert_eq!(reply.refused(), (5, code), "{}", reply.message);
    }
}

#[test]
fn locks_in_the_way_and_lost_answers() {
    let order = minted(60_000, 1);
    // Another line takes the message at the same moment: it is found then.
    let script = locked(foreign(Script::default()), nothing()).expect(HOLDS, holds(&[(70, 5)]));
    let script = moved(script, 1).expect(INSERT, duplicate("uk_message"));
    let other = line(minted(60_000, 2), 5, LineState::Confirmed, true);
    let reply = confirm(&confirmation(order), None, &locked(script, other));
    assert_eq!(reply.refused(), (3, 20004), "{}", reply.message);
    // Whether it is committed is unknown: to be repeated.
    let script = locked(foreign(Script::default()), nothing()).expect(HOLDS, holds(&[(70, 5)]));
    let script = moved(script, 1).expect(INSERT, Answer::Done);
    let script = script.expect("inventory COMMIT", mysql_lost());
    let reply = confirm(&confirmation(order), None, &script);
    assert_eq!(reply.refused(), (14, 10005));
    assert_eq!(script.count("sync"), 0);
}
