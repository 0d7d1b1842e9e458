//! Statistics of the same orders from the index and from the shards: every number, name and position is equal.

use crate::PLATFORM;
use anyhow::{Context, Result, ensure};
use platform::client::{Client, Reply};
use platform::shop::{PRICE, buyer, key, placed};
use platform::soon;
use serde_json::{Value, json};

const DAY: &str = "/api/v1/stats/orders";
const DASHBOARD: &str = "/v1/dashboard/stats";

/// Places an order of these lines: product and quantity.
fn order(user: u64, lines: &[(u64, u32)]) -> Result<String> {
    let items: Vec<Value> = lines
        .iter()
        .map(|(product, quantity)| {
            json!({ "product_id": product, "quantity": quantity, "price": PRICE })
        })
        .collect();
    let body = json!({ "user_id": user, "items": items });
    placed(&PLATFORM.api.post_once("/v1/order/create", &key(), &body)?)
}

fn become_status(order: &str, status: &str) -> Result<()> {
    let path = format!("/api/v1/orders/{order}/status");
    let body = json!({ "status": status });
    PLATFORM.api.put(&path, &body)?.expect(200).map(drop)
}

/// Inserts a failure of today that was given up, and one that succeeded after a retry.
fn fail_a_message() -> Result<()> {
    let now = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED)";
    for (message, status) in [("lost", 3), ("mended", 2)] {
        PLATFORM.sql(&format!(
            "INSERT INTO inventory.order_failures (source, message_id, message_data, error_message, status, next_retry_at, \
             created_at, updated_at) VALUES ('kafka', 'stats-{message}', '{{}}', 'a test', {status}, {now}, {now}, {now})"
        ))?;
    }
    Ok(())
}

/// Waits until both hosts give the same, expected answer: other tests may be placing orders meanwhile.
fn agreed(hosts: [&Client; 2], path: &str, expected: impl Fn(&Value) -> bool) -> Result<Reply> {
    soon(&format!("the same {path} from both"), || {
        let [from_index, from_shards] = hosts.map(|host| host.get(path)?.expect(200));
        let (from_index, from_shards) = (from_index?, from_shards?);
        ensure!(
            from_index.text == from_shards.text,
            "the index says\n{}\nthe shards\n{}",
            from_index.text,
            from_shards.text
        );
        ensure!(expected(&from_index.body), "{}", from_index.text);
        Ok(from_index)
    })
}

#[test]
fn statistics_are_the_same_from_the_index_and_from_the_shards() -> Result<()> {
    let (host, shards) = PLATFORM.host_with("host-without-index", &[("ELASTICSEARCH_URL", "")])?;
    let hosts = [&PLATFORM.api, &shards];
    // Enough stock even if cancelled units are not returned yet.
    let products = [(); 3].map(|()| PLATFORM.product(10_000, "redis"));
    let [much, some, little] = products;
    let (much, some, little) = (much?, some?, little?);
    // Consecutive users, so usually one on each shard; each line counts for its own product, whatever else its order
    // contains.
    let users = [buyer(), buyer()];
    for user in users {
        order(user, &[(much, 90), (some, 40)])?;
        let paid = order(user, &[(some, 3)])?;
        become_status(&paid, "paid")?;
        become_status(&order(user, &[(little, 2)])?, "completed")?;
        become_status(&order(user, &[(some, 1), (little, 1)])?, "shipped")?;
        become_status(&order(user, &[(little, 500)])?, "cancelled")?;
        let returned = order(user, &[(much, 400)])?;
        become_status(&returned, "paid")?;
        become_status(&returned, "cancelled")?;
    }
    fail_a_message()?;

    for user in users {
        let path = format!("/api/v1/users/{user}/stats");
        let stats = agreed(hosts, &path, |stats| stats["status"]["cancelled"] == 2)?;
        let expected = json!({
            "pending": 1, "paid": 1, "shipped": 1, "completed": 1, "cancelled": 2, "failed": 0,
        });
        assert_eq!(stats.body["status"], expected);
        // Three, two and two units were paid and not cancelled.
        assert_eq!(stats.body["amount"].to_string(), "699.93");
    }
    let day = agreed(hosts, DAY, |day| day["total"].as_u64() >= Some(12))?;
    assert_eq!(day.body["failures"], 1, "{}", day.text);
    assert!(day.body["success_rate"].as_f64() < Some(1.0));

    let hottest = |board: &Value| board["hotProducts"][0]["product_id"] == *format!("{much}");
    let board = agreed(hosts, DASHBOARD, hottest)?;
    let units = |product: u64| -> Result<u64> {
        let hot = board.body["hotProducts"].as_array().context("a list")?;
        let found = hot
            .iter()
            .find(|hot| hot["product_id"] == *format!("{product}"));
        Ok(found
            .and_then(|hot| hot["quantity"].as_u64())
            .unwrap_or_default())
    };
    assert_eq!((units(much)?, units(some)?, units(little)?), (180, 88, 6));
    assert_eq!(
        board.body["hotProducts"][0]["product_name"],
        format!("product {much}")
    );
    assert_eq!(
        board.body["statusDistribution"].as_array().map(Vec::len),
        Some(6)
    );
    let said = std::fs::read_to_string(PLATFORM.host.log())?;
    assert!(!said.contains("elasticsearch is unavailable"), "{said}");
    drop(host);
    Ok(())
}
