//! Lists of the largest possible orders: a page that would be too large is refused, also when an instance serves its
//! most concurrent requests, and within its memory limit.

use crate::bindings::mysql::DbValue;
use crate::host::{Instance, Reply, request};
use crate::replies::*;
use crate::script::Script;
use crate::search_server::SearchServer;
use contract::api::failure::MESSAGE_CHARS_MAX;
use contract::api::product::SKUS_MAX;
use contract::wire::event::OrderDocument;
use domain::limits::{
    ITEMS_MAX, LIST_REPLY_BYTES_MAX, PRODUCT_IMAGE_CHARS_MAX, PRODUCT_NAME_CHARS_MAX,
    REASON_CHARS_MAX, REMARK_CHARS_MAX, SHIPPING_ADDRESS_CHARS_MAX,
};
use domain::{Cents, Order, OrderId, ProductId, Status};

/// As many as one instance of Spin serves concurrently.
const TOGETHER: usize = 16;
const ORDERS: u64 = 100;

/// Far below an instance's default limit.
const MEMORY_BYTES: usize = 64 << 20;

/// A text of `chars` characters, four bytes each.
fn long(chars: usize) -> String {
    "\u{1f6d2}".repeat(chars)
}

/// An order with the most lines and the longest texts.
fn largest(id: OrderId) -> Order {
    let small = order(id, Status::Cancelled, 1);
    let mut line = small.items[0].clone();
    line.name = long(PRODUCT_NAME_CHARS_MAX);
    line.image = Some(long(PRODUCT_IMAGE_CHARS_MAX));
    line.price = Cents::new(9_999_999).unwrap();
    let lines = (1..=ITEMS_MAX as u64).map(|product| domain::OrderItem {
        product: ProductId(u64::MAX - product),
        ..line.clone()
    });
    Order {
        shipping_address: Some(long(SHIPPING_ADDRESS_CHARS_MAX)),
        remark: Some(long(REMARK_CHARS_MAX)),
        cancel_reason: Some(long(REASON_CHARS_MAX)),
        items: lines.collect(),
        ..small
    }
}

fn without_items(order: Order) -> Order {
    Order {
        items: Vec::new(),
        ..order
    }
}

fn ids() -> impl Iterator<Item = OrderId> {
    (1..=ORDERS).map(|sequence| minted(0, sequence))
}

/// User 7 has a hundred of the largest orders.
fn shard() -> Script {
    let largest: Vec<Order> = ids().map(largest).collect();
    let lines = largest.iter().map(|order| (order.id, item_columns(order)));
    let lines: Vec<_> = lines.collect();
    let heads: Vec<Order> = largest.into_iter().map(without_items).collect();
    Script::default()
        .always_by("order_1 SELECT t_order", move |values| {
            let named = |order: &&Order| values.contains(&order.id.to_string());
            let found: Vec<&Order> = heads.iter().filter(named).collect();
            match values {
                // The total count, or a page: limit and offset are the last parameters.
                [_] if found.is_empty() => rows([vec![DbValue::Int64(ORDERS as i64)]]),
                [.., limit, _] if found.is_empty() => {
                    let page = heads.iter().rev().take(limit.parse().unwrap());
                    rows(page.map(|order| {
                        vec![
                            DbValue::Uint64(order.id.get()),
                            DbValue::Uint64(order.created_at),
                        ]
                    }))
                }
                _ => rows(found.into_iter().map(order_columns)),
            }
        })
        .always_by("order_1 SELECT t_order_item", move |values| {
            let [ids @ .., limit, offset] = values else {
                return nothing();
            };
            let named = lines.iter().filter(|(id, _)| ids.contains(&id.to_string()));
            let named = named.flat_map(|(_, lines)| lines);
            let from = named.skip(offset.parse().unwrap());
            rows(from.take(limit.parse().unwrap()).cloned())
        })
}

fn list(path: &str) -> http::Request<Vec<u8>> {
    request("GET", path, "")
}

fn assert_refused(reply: &Reply) {
    assert_eq!(reply.status, 400, "{reply:?}");
    let message = reply.body["message"].as_str().unwrap();
    assert!(message.contains("page_size"), "{message}");
}

fn assert_small(instance: &Instance) {
    let taken = instance.memory_bytes();
    assert!(taken < MEMORY_BYTES, "{taken}");
}

fn statuses(answer: &[Reply]) -> Vec<u16> {
    answer.iter().map(|reply| reply.status).collect()
}

#[test]
fn a_page_of_the_largest_orders_is_refused_and_one_of_them_is_not() {
    let script = shard();
    let mut instance = Instance::new("query-order", &script, &[]);
    for path in ["/v1/order/list?user_id=7", "/api/v1/users/7/orders?x=1"] {
        let page = |size| list(&format!("{path}&page_size={size}"));
        let replies = instance.send_together(vec![page(90); TOGETHER]);
        replies.iter().for_each(assert_refused);
        let replies = instance.send_together(vec![page(1); TOGETHER]);
        assert_eq!(statuses(&replies), [200; TOGETHER]);
        let lines = replies[0].body["orders"][0]["items"].as_array().unwrap();
        assert_eq!(lines.len(), ITEMS_MAX);
    }
    script.check();
    assert_small(&instance);
    assert_eq!(script.count("open order_1"), script.sessions_open());
}

/// Every shape of reply, at its largest size.
#[test]
fn pages_that_just_fit_are_answered_by_all_at_once() {
    let script = shard();
    for (function, path, size) in [
        ("query-order", "/v1/order/list?user_id=7", 3),
        ("query-order", "/api/v1/users/7/orders?x=1", 3),
        ("create-order", "/api/v1/orders?user_id=7", 3),
        ("query-order", "/v1/order/search?user_id=7", 3),
        // This list has no product names.
        ("create-order", "/orders?user_id=7", ORDERS),
    ] {
        let mut instance = Instance::new(function, &script, &[]);
        let page = list(&format!("{path}&page_size={size}"));
        let replies = instance.send_together(vec![page; TOGETHER]);
        assert_eq!(statuses(&replies), [200; TOGETHER], "{path}");
        let length = replies[0].header("content-length").unwrap();
        let length: usize = length.parse().unwrap();
        assert!((LIST_REPLY_BYTES_MAX / 2..LIST_REPLY_BYTES_MAX).contains(&length));
        assert_small(&instance);
    }
    script.check();
}

#[test]
fn deep_pages_of_all_shards_stay_small() {
    let keys = |values: &[String]| match values {
        [limit, _] if limit.len() == 5 => rows(
            (1..=limit.parse().unwrap())
                .map(|number| vec![DbValue::Uint64(number), DbValue::Uint64(number)]),
        ),
        _ => rows([vec![DbValue::Int64(1_000_000)]]),
    };
    let mut script = Script::default();
    for shard in ["order_0", "order_1"] {
        let orders = move |values: &[String]| match values.len() {
            1 | 2 => keys(values),
            _ => nothing(),
        };
        script = script
            .always_by(&format!("{shard} SELECT t_order"), orders)
            .always(&format!("{shard} SELECT t_order_item"), nothing());
    }
    let mut instance = Instance::new("query-order", &script, &[]);
    let page = list("/v1/order/list?page=100&page_size=100");
    let replies = instance.send_together(vec![page; TOGETHER]);
    assert_eq!(statuses(&replies), [200; TOGETHER]);
    // Without the rows of this page, which have disappeared.
    assert_eq!(replies[0].body["total"], 199_900);
    script.check();
    assert_small(&instance);
}

/// An index that answers with the first `count` of the largest orders.
fn index(count: u64) -> SearchServer {
    let documents = ids().take(count as usize).map(|id| {
        let source = OrderDocument::from(&largest(id));
        serde_json::json!({ "_id": id.to_string(), "_source": source })
    });
    let documents: Vec<_> = documents.collect();
    SearchServer::answering(
        200,
        serde_json::json!({ "took": 1, "timed_out": false, "hits": {
            "total": { "value": ORDERS, "relation": "eq" }, "hits": documents } }),
    )
}

#[test]
fn an_index_is_read_as_far_as_a_reply_may_be_long() {
    for (count, status) in [(3, 200), (10, 400)] {
        let script = shard();
        let server = index(count);
        let url = [("elasticsearch_url", server.url)];
        let mut instance = Instance::new("query-order", &script, &url);
        let path = format!("/v1/order/search?user_id=7&page_size={count}");
        let replies = instance.send_together(vec![list(&path)]);
        assert_eq!(statuses(&replies), [status]);
        // A page that is too long is left to the shards.
        assert_eq!(script.steps().is_empty(), status == 200);
        if status == 400 {
            assert_refused(&replies[0]);
        }
        server.asked();
        script.check();
        assert_small(&instance);
    }
}

#[test]
fn products_with_the_most_skus_and_the_longest_names_are_bounded() {
    let numbers = |values: &[String]| -> Vec<u64> {
        values
            .iter()
            .filter_map(|value| value.parse().ok())
            .collect()
    };
    let product = |id: u64| {
        let mut row = vec![DbValue::Uint64(id)];
        row.extend(product_row(9_999, domain::StockMode::Db));
        row[1] = DbValue::Str(long(PRODUCT_NAME_CHARS_MAX));
        row[2] = DbValue::Str(long(PRODUCT_IMAGE_CHARS_MAX));
        row
    };
    // More skus than a new product can have: otherwise this many products stay below the limit.
    let skus = |product: u64| {
        (0..2 * SKUS_MAX as u64).map(move |sku| {
            vec![
                DbValue::Uint64(product),
                DbValue::Uint64((1 << 62) - 1 - sku),
                DbValue::Uint64(u64::from(u32::MAX)),
                DbValue::Uint64(0),
                DbValue::Uint8(1),
            ]
        })
    };
    let script = Script::default()
        .always_by("inventory SELECT products", move |values| match values {
            [_] => rows([vec![DbValue::Int64(100)]]),
            [_, limit, _] if limit.parse::<u64>().unwrap() <= 100 => {
                rows((1..=limit.parse().unwrap()).map(product))
            }
            _ => rows((1..=100).map(product)),
        })
        .always_by("inventory SELECT t_inventory", move |values| {
            let mut wanted = numbers(values);
            wanted.retain(|id| *id <= 100);
            wanted.dedup();
            rows(wanted.into_iter().flat_map(skus))
        });
    let mut instance = Instance::new("product-catalog", &script, &[]);
    let page = |size| list(&format!("/api/v1/products?page_size={size}"));
    let replies = instance.send_together(vec![page(100); TOGETHER]);
    replies.iter().for_each(assert_refused);
    let replies = instance.send_together(vec![page(1); TOGETHER]);
    assert_eq!(statuses(&replies), [200; TOGETHER]);
    script.check();
    assert_small(&instance);
}

#[test]
fn failures_with_the_longest_messages_are_bounded() {
    let failure = |id: u64| {
        let text = |text: &str| DbValue::Str(text.to_owned());
        vec![
            DbValue::Uint64(id),
            text("kafka"),
            DbValue::DbNull,
            DbValue::DbNull,
            DbValue::DbNull,
            DbValue::DbNull,
            DbValue::Binary(long(MESSAGE_CHARS_MAX).into_bytes()),
            text(&long(500)),
            DbValue::Uint32(1),
            DbValue::Uint8(0),
            DbValue::Uint64(1),
            DbValue::Uint64(2),
            DbValue::Uint64(3),
        ]
    };
    let script =
        Script::default().always_by(
            "inventory SELECT order_failures",
            move |values| match values {
                [_] => rows([vec![DbValue::Int64(100)]]),
                [.., limit, _] => rows((1..=limit.parse().unwrap()).map(failure)),
                [] => nothing(),
            },
        );
    let mut instance = Instance::new("order-failures", &script, &[]);
    let page = |size| list(&format!("/api/v1/failures?page_size={size}"));
    let replies = instance.send_together(vec![page(100); TOGETHER]);
    replies.iter().for_each(assert_refused);
    let replies = instance.send_together(vec![page(10); TOGETHER]);
    assert_eq!(statuses(&replies), [200; TOGETHER]);
    script.check();
    assert_small(&instance);
}

/// A single order, as long as a list may be.
#[test]
fn the_largest_order_is_read_by_all_at_once() {
    let order = largest(minted(0, 1));
    let script = Script::default()
        .always("GET", no_key())
        .always("order_1 SELECT t_order", loaded(&order))
        .always("cache_order", integer(1));
    let mut instance = Instance::new("query-order", &script, &[]);
    for root in ["/v1/order", "/api/v1/orders", "/orders"] {
        let one = list(&format!("{root}/{}", order.id));
        let replies = instance.send_together(vec![one; TOGETHER]);
        assert_eq!(statuses(&replies), [200; TOGETHER]);
    }
    script.check();
    assert_small(&instance);
}
