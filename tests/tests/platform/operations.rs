//! Every operation of the OpenAPI document on real servers: each gives every status of success that the document has,
//! and each answer is compared with what this test itself has done. (The client checks that every reply matches the
//! document's schema.)

mod walk;

use crate::failures::given_up;
use crate::login;
use anyhow::{Context, Result, ensure};
use domain::{OrderId, Role};
use platform::openapi::operations;
use platform::sale::now_ms;
use platform::shop::{PRICE, buyer, key, product_id};
use serde_json::{Value, json};
use stack::provider::{Manner, Provider};
use std::collections::BTreeSet;
use tests::tokens;
pub use walk::Walk;

#[test]
fn every_operation_of_the_document_is_served() -> Result<()> {
    let platform = tests::shared();
    let product = platform.product(100, "redis")?;
    let mut walk = Walk {
        platform: &platform,
        called: BTreeSet::new(),
        user: buyer(),
        product,
        word: format!("product {product}"),
    };
    orders_on_v1(&mut walk)?;
    orders_on_api(&mut walk)?;
    orders_in_envelopes(&mut walk)?;
    products(&mut walk)?;
    products_that_change(&mut walk)?;
    products_in_envelopes(&mut walk)?;
    flash_sales(&mut walk)?;
    back_office(&mut walk)?;
    documents(&mut walk)?;
    login::operations(&mut walk)?;
    paid_later(&mut walk)?;
    let nowhere = platform.api.get("/nowhere")?;
    assert_eq!((nowhere.status, nowhere.code()), (404, 10007));
    let documented = operations()
        .iter()
        .flat_map(|one| one.successes().map(|status| (one.id.as_str(), status)));
    let all: BTreeSet<(&str, u16)> = documented.collect();
    let left: Vec<_> = all.difference(&walk.called).collect();
    ensure!(left.is_empty(), "not called: {left:?}");
    Ok(())
}

/// A buyer pays through a provider, which takes its time.
fn paid_later(walk: &mut Walk) -> Result<()> {
    let order = walk.place("createOrder", "/order_id")?;
    let provider = Provider::start(None, Manner::Undecided, "", |_, _| Ok(String::new()))?;
    let own = [("PAYMENT_URL", provider.url())];
    let (_host, api) = walk.platform.host_with("host-walk", &own)?;
    let token = tokens::of(walk.platform, &walk.user.to_string(), Role::User)?;
    let bearer = [("authorization", &*format!("Bearer {token}"))];
    let reply = api.send("POST", &format!("/v1/order/{order}/pay"), &bearer, "")?;
    walk.called.insert(("payOrder", reply.expect(202)?.status));
    Ok(())
}

fn documents(walk: &mut Walk) -> Result<()> {
    let document = walk.get("getOpenapi", &[], "")?;
    assert_eq!(document.text_at("/openapi"), "3.1.0");
    let events = walk.get("getAsyncapi", &[], "")?;
    assert_eq!(events.text_at("/asyncapi"), "3.0.0");
    let page = walk.get("getDocs", &[], "")?;
    for file in ["start.js", "swagger-ui-bundle.js", "swagger-ui.css"] {
        ensure!(page.text.contains(&format!("docs/{file}")), "{}", page.text);
        let read = walk.get("getDocsFile", &[file], "")?;
        ensure!(!read.text.is_empty(), "{file} is empty");
    }
    let nothing = walk.platform.api.get("/docs/other.js")?;
    assert_eq!((nothing.status, nothing.code()), (404, 10007));
    Ok(())
}

fn orders_on_v1(walk: &mut Walk) -> Result<()> {
    walk.user = buyer();
    walk.place_later("createOrder", "/order_id")?;
    walk.user = buyer();
    let user = walk.user;
    let before = now_ms();
    let first = walk.place("createOrder", "/order_id")?;
    let second = walk.place("createOrder", "/order_id")?;
    let third = walk.place("createOrder", "/order_id")?;
    let by = format!("?user_id={user}");
    walk.lists("listOrders", &[], &by, "", &[&third, &second, &first])?;
    let read = walk.get("getOrder", &[&first], &by)?;
    assert_eq!(read.text_at("/order/status"), "pending");
    assert_eq!(read.body["order"]["actual_amount"].to_string(), PRICE);

    walk.call(
        "cancelOrder",
        &[&third],
        "",
        &json!({ "reason": "too many" }),
    )?;
    walk.call("cancelOrderByPut", &[&second], "", &Value::Null)?;
    let cancelled = format!("{by}&status=cancelled");
    walk.lists("listOrders", &[], &cancelled, "", &[&third, &second])?;

    let fourth = walk.place("createOrder", "/order_id")?;
    let pay = json!({ "payment_id": key() });
    let paid = walk.call("payOrder", &[&first], "", &pay)?;
    assert_eq!(paid.text_at("/order/status"), "paid");
    let called_back = json!({ "payment_id": key(), "order_id": fourth, "amount": PRICE });
    let paid = walk.call("reportPayment", &[], "", &called_back)?;
    assert_eq!(
        (paid.text_at("/order/id"), paid.text_at("/order/status")),
        (&*fourth, "paid")
    );
    let shipped = walk.call(
        "setOrderStatus",
        &[&first],
        "",
        &json!({ "status": "shipped" }),
    )?;
    assert_eq!(shipped.text_at("/order/status"), "shipped");
    ensure!(
        shipped.body["order"]["shipped_at"].is_u64(),
        "{}",
        shipped.text
    );

    // `from` is inclusive, `to` is exclusive; both filter by creation time.
    let mut created = |order: &str| -> Result<u64> {
        let read = walk.get("getOrder", &[order], "")?;
        read.body["order"]["created_at"].as_u64().context("a time")
    };
    let (from, to) = (created(&second)?, created(&third)?);
    ensure!(before <= from && from < to, "{before} {from} {to}");
    let product = walk.product;
    for (query, ids) in [
        (format!("{by}&from={from}&to={to}"), vec![&*second]),
        (format!("{by}&to={to}"), vec![&second, &first]),
        (format!("{by}&from={to}"), vec![&fourth, &third]),
        (format!("{by}&from=2024-01-01&to=2024-01-02"), vec![]),
    ] {
        walk.lists("listOrders", &[], &query, "", &ids)?;
        let search = format!("{query}&product_id={product}");
        walk.lists("searchOrders", &[], &search, "", &ids)?;
    }
    walk.lists(
        "searchOrders",
        &[],
        &format!("?order_no={first}"),
        "",
        &[&first],
    )?;
    let other = format!("{by}&product_id={}", u32::MAX);
    walk.lists("searchOrders", &[], &other, "", &[])
}

fn orders_on_api(walk: &mut Walk) -> Result<()> {
    walk.user = buyer();
    walk.place_later("createApiOrder", "/id")?;
    walk.user = buyer();
    let user = walk.user.to_string();
    let first = walk.place("createApiOrder", "/id")?;
    let second = walk.place("createApiOrder", "/id")?;
    let third = walk.place("createApiOrder", "/id")?;
    let all = [&*third, &second, &first];
    walk.lists("listApiOrders", &[], &format!("?user_id={user}"), "", &all)?;
    walk.lists("listUserOrders", &[&user], "", "", &all)?;
    let read = walk.get("getApiOrder", &[&first], "")?;
    let uuid = OrderId::parse(&first).context("an id")?.uuid();
    assert_eq!(read.text_at("/order_id"), uuid);
    assert_eq!(read.text_at("/product_id"), walk.product.to_string());
    walk.call("cancelApiOrder", &[&third], "", &json!({}))?;
    walk.call("cancelApiOrderByPost", &[&second], "", &Value::Null)?;
    let paid = walk.call(
        "setApiOrderStatus",
        &[&first],
        "",
        &json!({ "status": "paid" }),
    )?;
    assert_eq!(paid.text_at("/status"), "paid");
    walk.lists(
        "listUserOrders",
        &[&user],
        "?status=cancelled",
        "",
        &[&third, &second],
    )
}

fn orders_in_envelopes(walk: &mut Walk) -> Result<()> {
    walk.user = buyer();
    walk.place_later("createEnvelopeOrder", "/data/id")?;
    walk.user = buyer();
    let first = walk.place("createEnvelopeOrder", "/data/id")?;
    let second = walk.place("createEnvelopeOrder", "/data/id")?;
    let by = format!("?user_id={}", walk.user);
    walk.lists("listEnvelopeOrders", &[], &by, "/data", &[&second, &first])?;
    let cancelled = walk.call("cancelEnvelopeOrder", &[&second], "", &Value::Null)?;
    assert_eq!(cancelled.text_at("/data/status"), "cancelled");
    let read = walk.get("getEnvelopeOrder", &[&first], "")?;
    assert_eq!(
        (read.text_at("/data/id"), read.text_at("/data/status")),
        (&*first, "pending")
    );
    let items = format!(
        r#"[{{"product_id":{},"quantity":1,"price":{PRICE}}}]"#,
        walk.product
    );
    assert_eq!(read.text_at("/data/items"), items);
    let third = walk.place("createEnvelopeOrder", "/data/id")?;
    walk.call("cancelEnvelopeOrderByPut", &[&third], "", &Value::Null)?;
    Ok(())
}

/// The ids of a list's products.
fn ids(list: &Value) -> Vec<&str> {
    let products = list.as_array().into_iter().flatten();
    products.filter_map(|one| one["id"].as_str()).collect()
}

fn products(walk: &mut Walk) -> Result<()> {
    let word = format!("tea-{}", key());
    let made = |name: String, status: &str| json!({ "id": product_id(), "name": name, "price": 2.5, "stock": 3, "status": status });
    let on = walk.call(
        "createProduct",
        &[],
        "",
        &made(format!("green {word}"), "on_sale"),
    )?;
    let off = walk.call(
        "createProduct",
        &[],
        "",
        &made(format!("{word} black"), "off_sale"),
    )?;
    let (on, off) = (on.text_at("/id"), off.text_at("/id"));
    let search = format!("?search={word}");
    for (status, wanted) in [
        ("", vec![on]),
        ("&status=on_sale", vec![on]),
        ("&status=off_sale", vec![off]),
        ("&status=all", vec![off, on]),
    ] {
        let list = walk.get("listProducts", &[], &format!("{search}{status}"))?;
        assert_eq!(
            ids(&list.body["products"]),
            wanted,
            "{status}: {}",
            list.text
        );
        assert_eq!(list.body["total"], wanted.len());
        let list = walk.get("listEnvelopeProducts", &[], &format!("{search}{status}"))?;
        assert_eq!(
            ids(&list.body["data"]["products"]),
            wanted,
            "{status}: {}",
            list.text
        );
    }
    let read = walk.get("getProduct", &[off], "")?;
    assert_eq!(
        (read.text_at("/status"), &read.body["stock"]),
        ("off_sale", &json!(3))
    );
    let one = walk.get("getInventory", &[on], "")?;
    assert_eq!(one.body["available_stock"], 3);
    let several = walk.get(
        "getInventories",
        &[],
        &format!("?ids={on},{off},{}", u32::MAX),
    )?;
    let stock = json!({ on: 3, off: 3, u32::MAX.to_string(): 0 });
    assert_eq!(several.body["stock"], stock);
    Ok(())
}

fn products_that_change(walk: &mut Walk) -> Result<()> {
    let product = product_id().to_string();
    let made = json!({ "id": product, "name": "Cup", "price": 2.5, "stock": 3 });
    walk.call("createProduct", &[], "", &made)?;
    let dearer = json!({ "price": 3.5, "name": "Large cup" });
    let changed = walk.call("patchProduct", &[&product], "", &dearer)?;
    assert_eq!(changed.body["price"].to_string(), "3.5", "{}", changed.text);
    let more = json!({ "change": 4, "reason": "a delivery", "idempotency_key": key() });
    walk.call("changeStock", &[&product], "", &more)?;
    let read = walk.get("getProduct", &[&product], "")?;
    assert_eq!(
        (read.text_at("/name"), &read.body["stock"]),
        ("Large cup", &json!(7))
    );
    let changes = walk.get("listStockChanges", &[&product], "")?;
    // The stock that it was created with is the first.
    assert_eq!(changes.body["total"], 2, "{}", changes.text);
    Ok(())
}

fn products_in_envelopes(walk: &mut Walk) -> Result<()> {
    let product = walk.product.to_string();
    let read = walk.get("getEnvelopeProduct", &[&product], "")?;
    assert_eq!(read.text_at("/data/name"), walk.word);
    let named = walk.get("recommendProducts", &[], &format!("?ids={product}"))?;
    assert_eq!(ids(&named.body["data"]), [&*product]);
    let newest = walk.get("recommendProducts", &[], "")?;
    ensure!(!ids(&newest.body["data"]).is_empty(), "{}", newest.text);
    // A hundred less what the orders above hold: 5 on /v1 less 2 cancelled, 4 less 2, 4 less 2. Cancelled units are
    // returned asynchronously.
    let stock = walk.get("getEnvelopeStock", &[&product], "")?;
    let units = stock.body["data"]["stock"].as_u64().context("units")?;
    ensure!((87..=93).contains(&units), "{units} units left");
    Ok(())
}

fn flash_sales(walk: &mut Walk) -> Result<()> {
    let (user, product) = (buyer(), walk.platform.product(20, "redis")?);
    let (starts, ends) = (now_ms() - 1_000, now_ms() + 3_600_000);
    let body = json!({ "product_id": product, "price": 9.9, "stock": 5, "starts_at": starts, "ends_at": ends });
    let announced = walk.call("announceSeckill", &[], "", &body)?;
    let id = announced.text_at("/seckill_id");
    let list = format!("?product_id={product}&status=planned");
    let planned = walk.get("listSeckills", &[], &list)?;
    assert_eq!(
        (
            planned.text_at("/seckills/0/seckill_id"),
            &planned.body["total"]
        ),
        (id, &json!(1))
    );
    walk.call("preheatSeckills", &[], "", &json!({ "seckill_ids": [id] }))?;
    let open = walk.get(
        "listSeckills",
        &[],
        &format!("?product_id={product}&status=open"),
    )?;
    assert_eq!(open.text_at("/seckills/0/seckill_id"), id);
    let token = walk.call(
        "getSeckillToken",
        &[],
        "",
        &json!({ "user_id": user, "seckill_id": id }),
    )?;
    let body = json!({ "user_id": user, "token": token.text_at("/token"), "quantity": 1 });
    let bought = walk.call("buySeckill", &[], "", &body)?;
    assert_eq!(bought.text_at("/order_id"), token.text_at("/order_id"));
    let read = walk.get("getSeckill", &[id], "")?;
    let left = (&read.body["stock"], &read.body["available_stock"]);
    assert_eq!(left, (&json!(5), &json!(4)));
    assert_eq!(read.body["price"].to_string(), "9.9");
    Ok(())
}

fn back_office(walk: &mut Walk) -> Result<()> {
    let user = buyer();
    let failure = given_up(walk.platform, user, walk.product)?.to_string();
    let read = walk.get("getFailure", &[&failure], "")?;
    assert_eq!(
        (read.text_at("/status"), read.text_at("/user_id")),
        ("failed", &*user.to_string())
    );
    let list = walk.get("listFailures", &[], "?status=failed&page_size=100")?;
    let failures = list.body["failures"].as_array().context("failures")?;
    ensure!(
        failures.iter().any(|one| one["id"] == *failure),
        "{}",
        list.text
    );
    let retried = walk.call("retryFailure", &[&failure], "", &Value::Null)?;
    assert_eq!(retried.text_at("/id"), failure);

    walk.user = buyer();
    let order = walk.place("createOrder", "/order_id")?;
    let paid = json!({ "payment_id": key() });
    walk.call("payOrder", &[&order], "", &paid)?;
    let of_user = walk.get("getUserStats", &[&walk.user.to_string()], "")?;
    assert_eq!(
        (&of_user.body["total"], of_user.body["amount"].to_string()),
        (&json!(1), PRICE.to_owned())
    );
    assert_eq!(of_user.body["status"]["paid"], 1);
    let day = walk.get("getDayStats", &[], "?date=2024-01-31")?;
    assert_eq!(
        (day.text_at("/date"), &day.body["total"]),
        ("2024-01-31", &json!(0))
    );
    let dashboard = walk.get("getDashboard", &[], "")?;
    let recent = dashboard.body["recentOrders"]
        .as_array()
        .context("orders")?;
    ensure!(!recent.is_empty(), "{}", dashboard.text);
    let health = walk.get("getHealth", &[], "")?;
    assert_eq!(health.text_at("/status"), "ok");
    walk.get("getReadiness", &[], "")?;
    Ok(())
}
