//! Lists and searches show only rows that match their filter while the rows change: every route with a filter, on real
//! servers, during payments, retries and status changes of products.

use anyhow::Result;
use platform::shop::{buyer, placed};
use serde_json::json;
use tests::lists::{Route, read_while};

/// Orders that are paid while lists are read.
const ORDERS: usize = 120;

#[test]
fn lists_by_status_show_that_status_while_orders_are_paid() -> Result<()> {
    let platform = tests::shared();
    let (user, product) = (buyer(), platform.product(10_000, "redis")?);
    let mut orders = Vec::new();
    for _ in 0..ORDERS {
        orders.push(placed(&platform.order(user, product, 1)?)?);
    }
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_millis();
    let times = format!("from={}&to={}", now - 600_000, now + 600_000);
    let route = |path: String, list, total| Route {
        path,
        list,
        total,
        field: "status",
        wanted: "pending",
    };
    let routes = [
        route(
            "/v1/order/list?status=pending&page_size=100".into(),
            "/orders",
            "/total",
        ),
        route(
            format!("/v1/order/list?status=pending&user_id={user}&page_size=99"),
            "/orders",
            "/total",
        ),
        route(
            format!("/v1/order/list?status=pending&{times}&page_size=98"),
            "/orders",
            "/total",
        ),
        route(
            format!("/api/v1/users/{user}/orders?status=pending&pageSize=97"),
            "/orders",
            "/total",
        ),
        route(
            "/api/v1/orders?status=pending&pageSize=96".into(),
            "/orders",
            "/total",
        ),
        route(
            "/orders?status=pending&page_size=95".into(),
            "/data/orders",
            "/data/total",
        ),
        route(
            format!("/v1/order/search?status=pending&product_id={product}&page_size=94"),
            "/orders",
            "/total",
        ),
        route(
            format!("/v1/order/search?status=pending&user_id={user}&{times}&page_size=93"),
            "/orders",
            "/total",
        ),
    ];
    read_while(&platform.api, &routes, || {
        for order in &orders[10..] {
            let pay = json!({ "payment_id": format!("pay-{order}"), "user_id": user });
            let path = format!("/v1/order/{order}/pay");
            platform.api.post(&path, &pay)?.expect(200)?;
        }
        Ok(())
    })?;
    // Once nothing changes, the lists are exact.
    for (status, count) in [("pending", 10), ("paid", ORDERS as u64 - 10)] {
        let path = format!("/v1/order/list?user_id={user}&status={status}&page_size=100");
        let reply = platform.api.get(&path)?.expect(200)?;
        let shown = reply.body["orders"].as_array().map_or(0, Vec::len);
        assert_eq!(reply.body["total"], count, "{}", reply.text);
        assert_eq!(shown as u64, count.min(100));
    }
    Ok(())
}

#[test]
fn failures_and_products_show_their_status_while_it_changes() -> Result<()> {
    let platform = tests::shared();
    let mut products = Vec::new();
    let now = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED)";
    for row in 0..40 {
        platform.sql(&format!(
            "INSERT INTO inventory.order_failures (source, message_id, message_data, error_message, retry_count, status, \
             next_retry_at, created_at, updated_at) \
             VALUES ('kafka', 'filters-{row}', '{{}}', 'a test', 5, {}, {now}, {now}, {now})",
            if row % 2 == 0 { 2 } else { 3 }
        ))?;
        products.push(platform.product(1, "redis")?.to_string());
    }
    let route = |path: &str, list, wanted| Route {
        path: path.to_owned(),
        list,
        total: "/total",
        field: "status",
        wanted,
    };
    let routes = [
        route(
            "/api/v1/failures?status=success&page_size=100",
            "/failures",
            "success",
        ),
        route(
            "/api/v1/failures?status=failed&page_size=100",
            "/failures",
            "failed",
        ),
        route("/api/v1/products?page_size=100", "/products", "on_sale"),
        route(
            "/api/v1/products?status=off_sale&page_size=99",
            "/products",
            "off_sale",
        ),
        route(
            "/api/v1/products?status=on_sale&search=product&page_size=98",
            "/products",
            "on_sale",
        ),
    ];
    // Other tests create products, too, and the relay follows what is newer.
    let own = format!("id IN ({})", products.join(", "));
    read_while(&platform.api, &routes, || {
        for _ in 0..60 {
            platform.sql(&format!(
                "UPDATE inventory.order_failures SET status = 5 - status WHERE message_id LIKE 'filters-%'; \
                 UPDATE inventory.products SET status = 1 - status, updated_at = updated_at + 1 WHERE {own} AND id % 2 = 0"
            ))?;
        }
        Ok(())
    })?;
    platform.sql(&format!(
        "DELETE FROM inventory.order_failures WHERE message_id LIKE 'filters-%'; \
         UPDATE inventory.products SET status = 1, updated_at = updated_at + 1 WHERE {own}"
    ))?;
    Ok(())
}
