//! `query-order`, and the lists of `create-order`: with and without cache, access by owner only, and pages merged from
//! two shards.

use crate::bindings::mysql::DbValue;
use crate::host::{Reply, request, send, send_all, send_with};
use crate::replies::*;
use crate::script::{Answer, Script};
use contract::store::cached_order::CachedOrder;
use domain::{Ms, Order, OrderId, Status, User, UserId};

fn get(path: &str, script: &Script) -> Reply {
    let function = match path.split('?').next() {
        Some("/orders" | "/api/v1/orders") => "create-order",
        _ => "query-order",
    };
    send(function, request("GET", path, ""), script)
}

fn statuses(replies: &[Reply]) -> Vec<u16> {
    replies.iter().map(|reply| reply.status).collect()
}

/// The order as the cache holds it.
fn cached(order: &Order) -> Answer {
    Answer::Redis(vec![text(CachedOrder::render(order).unwrap())])
}

#[test]
fn a_cached_order_needs_no_database() {
    let id = minted(5_000, 1);
    let order = order(id, Status::Paid, 2);
    for (path, pointer) in [
        (format!("/v1/order/{id}"), "/order"),
        (format!("/v1/order/{}?user_id=7", id.order_no()), "/order"),
        (format!("/api/v1/orders/{}", id.uuid()), ""),
        (format!("/orders/{id}"), "/data"),
    ] {
        let script = Script::default().expect("GET {u7}", cached(&order));
        let reply = get(&path, &script);
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        let shown = reply.body.pointer(pointer).unwrap();
        assert_eq!(
            (&shown["id"], &shown["status"]),
            (&id.to_string().into(), &"paid".into())
        );
        let group = format!("\"order-{id}\"");
        assert_eq!(reply.header("cache-groups"), Some(&*group), "{path}");
        assert_eq!(reply.header("host-cache-control"), Some("max-age=1"));
        assert_eq!(reply.header("cache-control"), Some("no-cache"));
        assert_eq!(script.steps(), ["GET {u7}"]);
    }
}

#[test]
fn an_instance_keeps_its_redis_connection_until_it_fails() {
    let id = minted(5_000, 1);
    let order = order(id, Status::Paid, 2);
    let asked = |times| vec![request("GET", &format!("/v1/order/{id}"), ""); times];
    let script = Script::default()
        .expect("GET {u7}", cached(&order))
        .expect("GET {u7}", cached(&order));
    let replies = send_all("query-order", asked(2), &script);
    assert_eq!(statuses(&replies), [200, 200]);
    assert_eq!(script.count("open redis"), 1);

    let script = Script::default()
        .expect("GET {u7}", cached(&order))
        .expect("GET {u7}", redis_away())
        .expect("order_1 SELECT t_order", loaded(&order))
        .expect("GET {u7}", cached(&order));
    let replies = send_all("query-order", asked(3), &script);
    assert_eq!(statuses(&replies), [200, 200, 200]);
    assert_eq!(script.count("open redis"), 2, "the third request's own");
}

#[test]
fn an_order_not_cached_is_read_from_its_shard_and_remembered() {
    let id = minted(5_000, 1);
    let script = Script::default()
        .expect("GET {u7}", no_key())
        .expect("GET {u7}", no_key())
        .expect(
            "order_1 SELECT t_order",
            loaded(&order(id, Status::Pending, 1)),
        )
        .expect("cache_order {u7}", integer(1));
    let reply = get(&format!("/v1/order/{id}"), &script);
    assert_eq!(
        reply.body["order"]["items"][0]["subtotal"].to_string(),
        "199.98"
    );
    assert!(
        script.values("cache_order").contains(&"1".to_owned()),
        "with its version"
    );
}

#[test]
fn another_users_order_is_not_found_even_where_it_is_cached() {
    let id = minted(5_000, 1);
    // Same shard and same gene as the owner: only the cached entry shows the difference.
    let other = 7 + 1024;
    let script = Script::default().expect("GET", cached(&order(id, Status::Pending, 1)));
    let reply = get(&format!("/v1/order/{id}?user_id={other}"), &script);
    assert_eq!((reply.status, reply.code()), (404, 20001));
    let reply = get(&format!("/v1/order/{id}?user_id=8"), &Script::default());
    assert_eq!(
        (reply.status, reply.code()),
        (404, 20001),
        "the id alone tells"
    );
}

#[test]
fn an_order_that_is_not_there_is_remembered_as_such() {
    let id = minted(5_000, 1);
    let script = Script::default()
        .expect("GET", no_key())
        .expect("GET", no_key())
        .expect("order_1 SELECT t_order", nothing())
        .expect("inventory SELECT order_failures", nothing())
        .expect("cache_order", integer(1));
    let reply = get(&format!("/v1/order/{id}"), &script);
    assert_eq!((reply.status, reply.code()), (404, 20001));
    assert_eq!(reply.header("host-cache-control"), None);
    assert!(
        script.values("cache_order").contains(&"0".to_owned()),
        "below any version"
    );
    let script = Script::default().expect("GET", Answer::Redis(vec![text(CachedOrder::ABSENT)]));
    let reply = get(&format!("/orders/{id}"), &script);
    assert_eq!(
        (reply.status, reply.code()),
        (404, 404),
        "the demo's clients read the status"
    );
    for path in [
        "/v1/order/nonsense",
        "/api/v1/orders/0",
        "/v1/order/99999999999999999999",
    ] {
        assert_eq!(get(path, &Script::default()).status, 404, "{path}");
    }
}

#[test]
fn a_cache_away_costs_time_not_the_answer() {
    let id = minted(5_000, 1);
    let script = Script::default().expect("GET", redis_away()).expect(
        "order_1 SELECT t_order",
        loaded(&order(id, Status::Pending, 1)),
    );
    assert_eq!(get(&format!("/v1/order/{id}"), &script).status, 200);
    let script = Script::default()
        .expect("GET", no_key())
        .expect("GET", no_key())
        .expect(
            "order_1 SELECT t_order",
            loaded(&order(id, Status::Pending, 1)),
        )
        .expect("cache_order", redis_away());
    assert_eq!(get(&format!("/v1/order/{id}"), &script).status, 200);
    let script = Script::default()
        .expect("GET", no_key())
        .expect("GET", no_key())
        .expect("open order_1", mysql_away());
    let reply = get(&format!("/v1/order/{id}"), &script);
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (503, Some("1"))
    );
}

#[test]
fn a_foreign_value_in_the_cache_is_read_past() {
    let id = minted(5_000, 1);
    let script = Script::default()
        .expect("GET", Answer::Redis(vec![text("rubbish")]))
        .expect("GET", Answer::Redis(vec![text("rubbish")]))
        .expect(
            "order_1 SELECT t_order",
            loaded(&order(id, Status::Pending, 1)),
        )
        .expect("cache_order", integer(1));
    assert_eq!(get(&format!("/v1/order/{id}"), &script).status, 200);
}

/// An order of `user`, created at `at`.
fn order_of(user: u64, at: Ms) -> Order {
    let tick = (at - domain::id::EPOCH_MS) * 4096 + 1;
    let user = UserId::new(user);
    let id = OrderId::compose(tick, user.gene()).unwrap();
    Order {
        user: User {
            id: user,
            reference: None,
        },
        ..order(id, Status::Pending, 1)
    }
}

fn keys(orders: &[&Order]) -> Answer {
    rows(orders.iter().map(|order| {
        vec![
            DbValue::Uint64(order.id.get()),
            DbValue::Uint64(order.created_at),
        ]
    }))
}

/// The queries of one shard for a page: keys, then the rows of the orders on the page.
fn shard(script: Script, name: &str, found: &[&Order], on_page: &[&Order]) -> Script {
    let script = script.expect(&format!("{name} SELECT t_order"), keys(found));
    if on_page.is_empty() {
        return script;
    }
    let items = on_page.iter().flat_map(|order| item_columns(order));
    script
        .expect(
            &format!("{name} SELECT t_order"),
            rows(on_page.iter().map(|order| order_columns(order))),
        )
        .expect(&format!("{name} SELECT t_order_item"), rows(items))
}

#[test]
fn a_page_of_all_orders_is_merged_newest_first() {
    let at = now() - 60_000;
    let (a, b, c) = (
        order_of(7, at + 3),
        order_of(8, at + 2),
        order_of(9, at + 1),
    );
    let script = shard(Script::default(), "order_1", &[&a, &c], &[&a, &c]);
    let script = shard(script, "order_0", &[&b], &[&b]);
    let reply = get("/v1/order/list?page=1&page_size=3", &script);
    let ids: Vec<&str> = reply.body["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| order["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, [a.id.to_string(), b.id.to_string(), c.id.to_string()]);
    assert_eq!(reply.body["orders"][0]["items"][0]["quantity"], 2);
}

#[test]
fn a_users_orders_are_in_one_shard() {
    let own = order_of(7, now() - 60_000);
    for path in [
        "/v1/order/list?user_id=7&status=all",
        "/api/v1/users/user_7/orders?page=1&pageSize=10",
        "/api/v1/orders?user_id=7",
        "/orders?user_id=7",
    ] {
        let script = shard(Script::default(), "order_1", &[&own], &[&own]);
        let reply = get(path, &script);
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        let list = match path.starts_with("/orders") {
            true => &reply.body["data"],
            false => &reply.body,
        };
        assert_eq!(
            (&list["total"], &list["orders"][0]["id"]),
            (&1.into(), &own.id.to_string().into())
        );
        assert_eq!(script.count("open order_0"), 0);
    }
}

#[test]
fn an_order_that_leaves_the_filter_under_a_list_is_not_shown() {
    let at = now() - 60_000;
    let (a, b) = (order_of(7, at + 2), order_of(7, at + 1));
    let paid = Order {
        status: Status::Paid,
        ..a.clone()
    };
    let path = "/v1/order/list?user_id=7&status=pending";
    // Paid between the two queries: the page is read again.
    let script = shard(Script::default(), "order_1", &[&a, &b], &[&paid, &b]);
    let script = shard(script, "order_1", &[&b], &[&b]);
    let reply = get(path, &script);
    let orders = reply.body["orders"].as_array().unwrap();
    assert_eq!((reply.status, orders.len()), (200, 1), "{reply:?}");
    assert_eq!(
        (&orders[0]["id"], &reply.body["total"]),
        (&b.id.to_string().into(), &1.into())
    );
    // It happens on every attempt: the remaining orders are shown and counted.
    let mut script = Script::default();
    for _ in 0..3 {
        script = shard(script, "order_1", &[&a, &b], &[&paid, &b]);
    }
    let reply = get(path, &script);
    let orders = reply.body["orders"].as_array().unwrap();
    assert_eq!(
        (orders.len(), &reply.body["total"]),
        (1, &1.into()),
        "{reply:?}"
    );
}

#[test]
fn a_total_has_room_for_the_page() {
    let at = now() - 60_000;
    let own: Vec<Order> = (0..2).map(|n| order_of(7, at + n)).collect();
    let own: Vec<&Order> = own.iter().rev().collect();
    let script = Script::default()
        .expect("order_1 SELECT t_order", keys(&own))
        // Counted after the second order had left the filter.
        .expect("order_1 SELECT t_order", rows([vec![DbValue::Int64(1)]]));
    let items = own.iter().flat_map(|order| item_columns(order));
    let columns = own.iter().map(|order| order_columns(order));
    let script = script
        .expect("order_1 SELECT t_order", rows(columns))
        .expect("order_1 SELECT t_order_item", rows(items));
    let reply = get("/v1/order/list?user_id=7&page_size=2", &script);
    assert_eq!(
        reply.body["orders"].as_array().map(Vec::len),
        Some(2),
        "{reply:?}"
    );
    assert_eq!(reply.body["total"], 2);
}

#[test]
fn behind_the_end_a_page_is_empty_and_no_items_are_asked_for() {
    let none = Script::default()
        .expect("order_1 SELECT t_order", nothing())
        .expect("order_1 SELECT t_order", rows([vec![DbValue::Int64(3)]]));
    let reply = get("/v1/order/list?user_id=7&page=9", &none);
    assert_eq!(
        (&reply.body["orders"], &reply.body["total"]),
        (&serde_json::json!([]), &3.into())
    );
}

#[test]
fn wrong_queries_are_named() {
    for (path, field) in [
        ("/v1/order/list?page=0", "page"),
        ("/v1/order/list?page=x", "page"),
        ("/v1/order/list?page_size=101", "page_size"),
        ("/v1/order/list?pageSize=0", "page_size"),
        ("/v1/order/list?page=1000&page_size=100", "page"),
        ("/v1/order/list?status=gone", "status"),
        ("/v1/order/list?from=yesterday", "from"),
        ("/v1/order/search?order_no=x", "order_no"),
        ("/v1/order/search?product_id=-1", "product_id"),
        ("/api/v1/users/0/orders", "userId"),
    ] {
        let reply = get(path, &Script::default());
        assert_eq!(
            (reply.status, reply.code()),
            (400, 10001),
            "{path}: {reply:?}"
        );
        let message = reply.body["message"].as_str().unwrap();
        assert!(
            message.starts_with(&format!("[10001] {field}")),
            "{path}: {message}"
        );
    }
    let reply = send(
        "query-order",
        request("DELETE", "/v1/order/1", ""),
        &Script::default(),
    );
    assert_eq!(reply.status, 405);
}

#[test]
fn one_shard_away_is_no_list() {
    // The query of the other shard is awaited: cancelled, it would lose its connection.
    let script = Script::default()
        .expect("open order_0", mysql_away())
        .expect("order_1 SELECT t_order", nothing());
    let reply = get("/v1/order/list", &script);
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (503, Some("1"))
    );
}

#[test]
fn a_search_index_away_falls_back_to_the_database() {
    // Nothing listens on the discard port: the connection is refused.
    let own = order_of(7, now() - 60_000);
    let script = shard(Script::default(), "order_1", &[&own], &[&own]);
    let reply = send_with(
        "query-order",
        request("GET", "/v1/order/search?user_id=7&product_id=1", ""),
        &script,
        &[("elasticsearch_url", "http://127.0.0.1:9")],
    );
    assert_eq!((reply.status, &reply.body["total"]), (200, &1.into()));
    assert!(reply.log.contains("elasticsearch"), "{}", reply.log);
}
