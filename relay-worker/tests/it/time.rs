//! Times are those of the deciding store's clock, in UTC: local time zones, the hour that a zone repeats, orders that
//! waited in a queue, and a database clock that was set back.

use crate::world::{World, now, wait};
use contract::store::sql::NOW_MS;
use domain::{OrderId, Status, StockMode};
use relay_worker::loops::outbox::claim::claim;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use stack::{Home, MariaDb, Redis};

/// Central European time by its rule, so that no zone files are needed; a zone behind UTC and one ahead.
const ZONES: [&str; 3] = ["CET-1CEST,M3.5.0,M10.5.0/3", "XXX+9:30", "YYY-14"];
/// 2025-10-26 02:30 in Central Europe, before and after the clocks go back, and a day in summer and in winter.
const MOMENTS: [u64; 4] = [1_761_438_600, 1_761_442_200, 1_750_000_000, 1_737_000_000];

#[tokio::test]
async fn the_database_says_utc_in_every_zone_and_hour() {
    for zone in ZONES {
        let home = Home::temporary().unwrap();
        let server = MariaDb::start_in_zone(&home, None, Some(zone)).unwrap();
        let mut session = MySqlConnection::connect(&server.url("mysql"))
            .await
            .unwrap();
        // sqlx sets its sessions to UTC; sessions of the functions have the server's zone.
        sqlx::query("SET time_zone = 'SYSTEM'")
            .execute(&mut session)
            .await
            .unwrap();
        for moment in MOMENTS {
            sqlx::query(AssertSqlSafe(format!("SET timestamp = {moment}")))
                .execute(&mut session)
                .await
                .unwrap();
            let ms: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT {NOW_MS}")))
                .fetch_one(&mut session)
                .await
                .unwrap();
            assert_eq!(ms as u64, moment * 1_000, "{zone}");
        }
    }
}

/// With a database in a zone ahead of UTC nothing counts as late and nothing waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_another_zone() {
    let home = Home::temporary().unwrap();
    let server = MariaDb::start_in_zone(&home, None, Some(ZONES[2])).unwrap();
    let redis = Redis::start(&home, None).unwrap();
    let mut world = World::on(&server, &redis).await;
    world.product(1, StockMode::Redis, 10).await;
    let relay = world.relay();
    let order = world.place(7, 1, 1).await;
    world.quiet().await;
    assert_eq!(world.stored(&order).await, (0, 1));
    relay.stop().unwrap();
}

/// The time to pay an order begins when it is written, not when it was requested.
#[tokio::test(flavor = "multi_thread")]
async fn what_waited_in_the_queue_can_still_be_paid() {
    const HOUR: u64 = 3_600_000;
    let mut world = World::new().await;
    world.set("UNPAID_EXPIRY_MS", "1800000");
    world.product(1, StockMode::Redis, 10).await;
    let mut waited = world.draft(8, 1, 1);
    waited.created_at = now() - HOUR;
    waited.updated_at = waited.created_at;
    let tick = (waited.created_at - domain::id::EPOCH_MS) << 12;
    waited.id = OrderId::compose(tick, waited.user.id.gene()).unwrap();
    world.promise(&waited, 0);
    world.accept(&waited);
    let unpaid = world.place(8, 1, 1).await;
    sqlx::query("UPDATE t_order SET payable_at = payable_at - 1800001 WHERE id = ?")
        .bind(unpaid.id.get())
        .execute(&world.shards[world.shard_of(&unpaid)])
        .await
        .unwrap();
    let relay = world.relay();
    wait("the order", async || world.orders().await.0 == 2).await;
    wait("the other's expiry", async || {
        world.stored(&unpaid).await == (Status::Cancelled.code(), 2)
    })
    .await;
    let paid = world.change(waited, Status::Paid).await;
    assert!(paid.is_some(), "cancelled as soon as it was written");
    world.quiet().await;
    relay.stop().unwrap();
}

/// Leases and due times set before the shard's clock was set back do not hold rows until then.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_back_holds_no_row() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 10).await;
    let orders = [world.place(2, 1, 1).await, world.place(4, 1, 1).await];
    let shard = world.shard_of(&orders[0]);
    let ahead = now() + 3_600_000;
    for (order, column) in orders.iter().zip(["lease_until", "next_retry_at"]) {
        let sql = format!("UPDATE t_local_message SET {column} = ? WHERE tx_id = ?");
        sqlx::query(AssertSqlSafe(sql))
            .bind(ahead)
            .bind(order.id.to_string())
            .execute(&world.shards[shard])
            .await
            .unwrap();
    }
    let url = world.env.iter().find(|one| one.0 == "MYSQL_URLS").unwrap();
    let url = url.1.split(',').nth(shard).unwrap();
    let address = relay_worker::clients::database::Address::parse(url).unwrap();
    let count = domain::ShardCount::new(1).unwrap();
    let databases = relay_worker::clients::database::Databases::open(
        std::slice::from_ref(&address),
        &address,
        count,
    );
    let claimed = claim(&databases.shards[0], "test", 10, 15_000)
        .await
        .unwrap();
    assert_eq!(claimed.rows.len(), 2);
    let again = claim(&databases.shards[0], "other", 10, 15_000)
        .await
        .unwrap();
    assert!(again.rows.is_empty(), "leased");
}

/// By the database's own clock, whatever time the id has.
#[tokio::test]
async fn an_insert_past_its_deadline_is_refused() {
    let mut world = World::new().await;
    let order = world.draft(3, 1, 1);
    let shard = world.shards[world.shard_of(&order)].clone();
    for (deadline, refused) in [(now() - 1_000, true), (now() + 60_000, false)] {
        let inserted = sqlx::query(contract::store::sql::INSERT_ORDER)
            .bind(order.id.get())
            .bind(order.user.id.get())
            .bind(None::<String>)
            .bind(order.id.order_no())
            .bind(order.total.get())
            .bind(0)
            .bind(order.actual.get())
            .bind(None::<String>)
            .bind(None::<String>)
            .bind(None::<String>)
            .bind(None::<Vec<u8>>)
            .bind(vec![0u8; 16])
            .bind(deadline)
            .bind(order.created_at)
            .bind(order.updated_at)
            .execute(&shard)
            .await;
        let code = inserted
            .as_ref()
            .err()
            .and_then(relay_worker::clients::database::code);
        assert_eq!(code, refused.then_some(1048), "{inserted:?}");
    }
}
