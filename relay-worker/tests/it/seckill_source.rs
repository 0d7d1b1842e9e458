//! Purchases of other systems on the topic, with a real Kafka: each becomes one order, bad ones become failures, and
//! neither a killed relay nor a killed broker changes that.

use crate::world::{SOON, World, wait};
use contract::wire::message::{SECKILL_SOURCE, SECKILL_SUCCESS};
use domain::StockMode;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use stack::{Home, Kafka};

/// A message in MiniShop's format.
pub fn purchase(user: u64, product: u64) -> String {
    format!(
        r#"{{"user_id":{user},"product_id":{product},"quantity":1,"unit_price":2.50,"seckill_id":"seckill_001","timestamp":"2026-11-21T10:00:00Z"}}"#
    )
}

/// Messages that cannot become orders, each with a part of the error.
pub fn poison() -> Vec<(Vec<u8>, &'static str)> {
    let good = purchase(1, 1);
    let changed = |from: &str, to: &str| good.replace(from, to).into_bytes();
    vec![
        (b"{\"user_id\":7,".to_vec(), "JSON"),
        (b"\xff\xfe\x00".to_vec(), "JSON"),
        (purchase(1, 999).into_bytes(), "product 999"),
        (changed("\"quantity\":1", "\"quantity\":-1"), "quantity"),
        (changed("2.50", "\"dear\""), "unit_price"),
        (
            // Of a buyer without an order: a repeat of one is the same order, whatever it says.
            purchase(9_999, 1).replace("2.50", "2.49").into_bytes(),
            "unit_price 2.49 is no price of product 1",
        ),
        (changed("seckill_001", &"x".repeat(1_000_000)), "bytes"),
    ]
}

pub struct Topic {
    producer: FutureProducer,
    name: String,
}

impl Topic {
    pub fn of(world: &World, kafka: &Kafka) -> Topic {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", kafka.brokers())
            .set("message.max.bytes", "4000000")
            .create();
        Topic {
            producer: producer.unwrap(),
            name: format!("w{}.{SECKILL_SUCCESS}", world.number),
        }
    }

    pub async fn send(&self, value: &[u8], source: Option<&str>) {
        let headers = source.map_or_else(OwnedHeaders::new, |source| {
            OwnedHeaders::new().insert(Header {
                key: "ce_source",
                value: Some(source),
            })
        });
        let record = FutureRecord::<str, [u8]>::to(&self.name)
            .payload(value)
            .headers(headers);
        self.producer.send(record, SOON).await.unwrap();
    }
}

pub async fn orders(world: &World) -> u64 {
    let mut count = 0;
    for shard in &world.shards {
        let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM t_order")
            .fetch_one(shard)
            .await
            .unwrap();
        count += rows as u64;
    }
    count
}

/// Waits for exactly this many orders.
pub async fn ordered(world: &World, count: u64) {
    let mut last = 0;
    wait(&format!("{count} orders"), async || {
        last = orders(world).await;
        last >= count
    })
    .await;
    assert_eq!(last, count);
}

/// Raw message and error of each failure of a source.
pub async fn failures(world: &World, source: &str) -> Vec<(Vec<u8>, String)> {
    sqlx::query_as("SELECT message_data, error_message FROM order_failures WHERE source = ?")
        .bind(source)
        .fetch_all(&world.inventory)
        .await
        .unwrap()
}

/// Every bad message is stored unchanged as a failure, with its error.
pub async fn all_failed(world: &World, source: &str) {
    let poison = poison();
    wait("the failures", async || {
        failures(world, source).await.len() >= poison.len()
    })
    .await;
    let failures = failures(world, source).await;
    assert_eq!(failures.len(), poison.len());
    for (raw, why) in poison {
        let found = failures.iter().find(|(have, _)| *have == raw);
        let error = &found.unwrap().1;
        assert!(error.contains(why), "{why} in {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_the_topic_are_orders_once() {
    let home = Home::temporary().unwrap();
    let kafka = Kafka::start(&home, None).unwrap();
    let mut world = World::new().await;
    world.set("KAFKA_BROKERS", kafka.brokers());
    world.product(1, StockMode::Redis, 1_000).await;
    let relay = world.relay();
    let topic = Topic::of(&world, &kafka);
    topic
        .send(purchase(5_000, 1).as_bytes(), Some(SECKILL_SOURCE))
        .await;
    for user in 1..=40 {
        let message = purchase(user, 1);
        topic.send(message.as_bytes(), None).await;
        topic.send(message.as_bytes(), Some("/shop")).await;
        // Each bad message between good ones.
        if let Some((body, _)) = poison().get(user as usize) {
            topic.send(body, None).await;
        }
    }
    // The first bad message; the loop skips it because user numbers begin at 1.
    topic.send(&poison()[0].0, None).await;
    ordered(&world, 40).await;
    all_failed(&world, "kafka").await;

    relay.kill();
    let sending = async {
        for user in 101..=400 {
            topic.send(purchase(user, 1).as_bytes(), None).await;
        }
    };
    let dying = async {
        for so_far in [41, 150, 250] {
            relay.start().unwrap();
            wait("some orders", async || orders(&world).await >= so_far).await;
            relay.kill();
        }
        relay.start().unwrap();
    };
    tokio::join!(sending, dying);
    ordered(&world, 340).await;

    kafka.process.kill();
    kafka.process.start().unwrap();
    for user in 501..=510 {
        topic.send(purchase(user, 1).as_bytes(), None).await;
    }
    ordered(&world, 350).await;
    all_failed(&world, "kafka").await;
    world.quiet().await;
    assert_eq!(world.stock(1).await, (650, 350, 0));
    let report = world.command("reconcile");
    assert!(report.contains("invariants hold"), "{report}");
    relay.stop().unwrap();
}
