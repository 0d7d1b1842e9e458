//! `reconcile` with Kafka: the outbox compared with the topics, also when old records are deleted from these and when
//! only recent events are compared.

use crate::reconcile::{AT_ONCE, broken, lines_broken};
use crate::world::{SOON, World, now};
use contract::wire::message::{ORDER_CREATED, ORDER_STATUS_CHANGED};
use domain::{Status, StockMode};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use sqlx::MySqlPool;
use stack::Home;

/// Message id, order and topic of every outbox row.
async fn rows(world: &World) -> Vec<(String, String, String)> {
    let mut rows = Vec::new();
    for shard in &world.shards {
        let query = "SELECT message_id, tx_id, topic FROM t_local_message ORDER BY id";
        let some: Vec<(String, String, String)> =
            sqlx::query_as(query).fetch_all(shard).await.unwrap();
        rows.extend(some);
    }
    rows
}

fn publish(world: &World, brokers: &str, rows: &[(String, String, String)]) {
    publish_at(world, brokers, rows, now());
}

/// Publishes as a relay whose clock shows `at`.
fn publish_at(world: &World, brokers: &str, rows: &[(String, String, String)], at: u64) {
    let mut client = ClientConfig::new();
    let producer: BaseProducer = client.set("bootstrap.servers", brokers).create().unwrap();
    for (message, order, topic) in rows {
        let topic = format!("w{}.{topic}", world.number);
        let id = Header {
            key: "id",
            value: Some(message),
        };
        let record = BaseRecord::to(&topic)
            .key(order)
            .payload("{}")
            .timestamp(at as i64);
        let record = record.headers(OwnedHeaders::new().insert(id));
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(SOON).unwrap();
}

/// The relay's embedded broker is gone; all events but one are published to another broker.
#[tokio::test(flavor = "multi_thread")]
async fn what_kafka_does_not_have_and_what_the_outbox_does_not_have() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let relay = world.relay();
    for user in 1..5 {
        let order = world.place(user, 1, 1).await;
        world.change(order, Status::Paid).await.unwrap();
    }
    world.quiet().await;
    assert!(world.command("reconcile").contains("invariants hold"));
    relay.stop().unwrap();

    let broker = MockCluster::new(1).unwrap();
    for topic in [ORDER_CREATED, ORDER_STATUS_CHANGED] {
        let topic = format!("w{}.{topic}", world.number);
        broker.create_topic(&topic, 3, 1).unwrap();
    }
    let brokers = broker.bootstrap_servers();
    world.set("KAFKA_BROKERS", &brokers);
    let rows = rows(&world).await;
    let (unsent, sent) = rows.split_first().unwrap();
    publish(&world, &brokers, sent);
    let (code, report) = world.try_command(AT_ONCE);
    assert_eq!(
        (code, lines_broken(&report)),
        (1, vec!["5 every published event".to_owned()]),
        "{report}"
    );
    assert_eq!(broken(&report, "5 every published"), 1, "{report}");
    assert!(report.contains(&unsent.0), "{report}");

    publish(&world, &brokers, std::slice::from_ref(unsent));
    // Some events are published twice.
    publish(&world, &brokers, &sent[..2]);
    assert!(world.command(AT_ONCE).contains("all 30 invariants hold"));

    let shard = world.shards[0].clone();
    let forget = sqlx::query("DELETE FROM t_local_message WHERE message_id = ?");
    forget.bind(&unsent.0).execute(&shard).await.unwrap();
    let (_, report) = world.try_command(AT_ONCE);
    assert_eq!(
        lines_broken(&report),
        ["2 every version of", "5 every event in"],
        "{report}"
    );
    assert!(report.contains(&format!("event {}", unsent.0)), "{report}");
}

/// Sets the creation time of an outbox row.
async fn born(shards: &[MySqlPool], message: &str, at: u64) {
    for shard in shards {
        sqlx::query("UPDATE t_local_message SET created_at = ? WHERE message_id = ?")
            .bind(at)
            .bind(message)
            .execute(shard)
            .await
            .unwrap();
    }
}

/// Only the last hour is compared. One event at its beginning was published by a relay whose clock is behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_the_events() {
    const LAST_HOUR: &str = "reconcile --settle-seconds 0 --events-hours 1";
    const HOUR: u64 = 3_600_000;
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let relay = world.relay();
    for user in 1..5 {
        world.place(user, 1, 1).await;
    }
    world.quiet().await;
    relay.stop().unwrap();
    let home = Home::temporary().unwrap();
    let kafka = stack::Kafka::start(&home, None).unwrap();
    let brokers = kafka.brokers();
    let names =
        [ORDER_CREATED, ORDER_STATUS_CHANGED].map(|topic| format!("w{}.{topic}", world.number));
    let topics = names
        .each_ref()
        .map(|name| NewTopic::new(name, 3, TopicReplication::Fixed(1)));
    // Kept until the answer is here: a client that is dropped gives none.
    let admin = admin(&brokers);
    let options = AdminOptions::new().operation_timeout(Some(SOON));
    let made = admin.create_topics(&topics, &options).await.unwrap();
    made.into_iter().for_each(|one| drop(one.unwrap()));
    world.set("KAFKA_BROKERS", &brokers);
    let rows = rows(&world).await;
    let [edge, old, rest @ ..] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    let began = now();
    // The row is a minute inside the hour; its record is dated before it.
    born(&world.shards, &edge.0, began - HOUR + 60_000).await;
    publish_at(
        &world,
        &brokers,
        std::slice::from_ref(edge),
        began - HOUR - 20_000,
    );
    // An older row without a record is not compared.
    born(&world.shards, &old.0, began - HOUR - 10_000).await;
    publish(&world, &brokers, rest);
    assert!(world.command(LAST_HOUR).contains("all 30 invariants hold"));
    born(&world.shards, &edge.0, began - HOUR - 10_000).await;
    born(&world.shards, &old.0, began - HOUR + 60_000).await;
    let (_, report) = world.try_command(LAST_HOUR);
    assert_eq!(
        lines_broken(&report),
        ["5 every published event"],
        "{report}"
    );
    assert!(report.contains(&old.0), "{report}");
}

fn admin(brokers: &str) -> AdminClient<DefaultClientContext> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).create().unwrap()
}

/// Deletes the older half of each partition's records; how many are left.
async fn forget(world: &World, brokers: &str) -> i64 {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    let consumer: BaseConsumer = config.set("group.id", "test").create().unwrap();
    let (mut ends, mut left) = (TopicPartitionList::new(), 0);
    for topic in [ORDER_CREATED, ORDER_STATUS_CHANGED] {
        let topic = format!("w{}.{topic}", world.number);
        let metadata = consumer.fetch_metadata(Some(&topic), SOON).unwrap();
        for partition in metadata.topics()[0].partitions() {
            let (low, high) = consumer
                .fetch_watermarks(&topic, partition.id(), SOON)
                .unwrap();
            let first = low + (high - low) / 2;
            ends.add_partition_offset(&topic, partition.id(), Offset::Offset(first))
                .unwrap();
            left += high - first;
        }
    }
    let removed = admin(brokers)
        .delete_records(&ends, &AdminOptions::new())
        .await;
    for partition in removed.unwrap().elements() {
        partition.error().unwrap();
    }
    left
}

/// Topics keep records for about a week: deleted ones are not missed, newer ones are.
#[tokio::test(flavor = "multi_thread")]
async fn topics_that_forgot_what_is_old() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 1_000).await;
    let home = Home::temporary().unwrap();
    let kafka = stack::Kafka::start(&home, None).unwrap();
    world.set("KAFKA_BROKERS", kafka.brokers());
    let relay = world.relay();
    for user in 1..=40 {
        world.place(user, 1, 1).await;
    }
    world.quiet().await;
    relay.stop().unwrap();
    assert!(world.command(AT_ONCE).contains("all 30 invariants hold"));
    let left = forget(&world, &kafka.brokers()).await;
    assert!((10..=30).contains(&left), "{left} of 40 records");
    let report = world.command(AT_ONCE);
    assert!(report.contains("all 30 invariants hold"), "{report}");
    // Rows without a record that are newer than all kept records.
    let rows = rows(&world).await;
    for (message, ..) in &rows {
        born(&world.shards, message, now() + 600_000).await;
    }
    let (_, report) = world.try_command(AT_ONCE);
    assert_eq!(
        lines_broken(&report),
        ["5 every published event"],
        "{report}"
    );
    assert_eq!(
        broken(&report, "5 every published"),
        rows.len() as u64 - left as u64,
        "{report}"
    );
}
