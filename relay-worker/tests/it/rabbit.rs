//! A real RabbitMQ: purchases are consumed from its queue and published to its exchange, with the same guarantees as on
//! Kafka, and its outages delay nothing else.

use crate::asyncapi;
use crate::seckill_source::{Topic, all_failed, ordered, poison, purchase};
use crate::topic::read;
use crate::world::{World, wait};
use contract::wire::message::{SECKILL_SOURCE, SECKILL_SUCCESS};
use contract::wire::seckill_message::ForeignPurchase;
use domain::{SkuId, StockMode};
use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
    QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind,
};
use relay_worker::clients::kafka::topics::dead_letters;
use stack::{Home, Kafka, MariaDb, RabbitMq, Redis};

/// Another system on the same server.
pub struct Other {
    _connection: Connection,
    channel: Channel,
    prefix: String,
}

impl Other {
    pub async fn at(world: &World, rabbit: &RabbitMq) -> Other {
        let properties = ConnectionProperties::default();
        let connection = Connection::connect(&rabbit.url(), properties)
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        let confirms = ConfirmSelectOptions::default();
        channel.confirm_select(confirms).await.unwrap();
        Other {
            _connection: connection,
            channel,
            prefix: format!("w{}.", world.number),
        }
    }

    pub fn queue(&self) -> String {
        format!("{}{SECKILL_SUCCESS}", self.prefix)
    }

    pub async fn declare(&self, queue: &str) -> u32 {
        let (options, none) = (QueueDeclareOptions::durable(), FieldTable::default());
        let queue = self
            .channel
            .queue_declare(queue.into(), options, none)
            .await;
        queue.unwrap().message_count()
    }

    pub async fn send(&self, body: &[u8]) {
        let confirm = self
            .channel
            .basic_publish(
                "".into(),
                self.queue().as_str().into(),
                BasicPublishOptions {
                    mandatory: true,
                    ..BasicPublishOptions::default()
                },
                body,
                BasicProperties::default().with_delivery_mode(2),
            )
            .await;
        let confirmed = confirm.unwrap().await.unwrap();
        assert!(
            matches!(confirmed, Confirmation::Ack(None)),
            "not in the queue: {confirmed:?}"
        );
    }

    /// Binds a queue that receives what the relay publishes.
    pub async fn listen(&self) {
        let durable = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        let (exchange, none) = (
            format!("{}flashorder.seckill", self.prefix),
            FieldTable::default,
        );
        self.channel
            .exchange_declare(
                exchange.as_str().into(),
                ExchangeKind::Topic,
                durable,
                none(),
            )
            .await
            .unwrap();
        self.declare("heard").await;
        let options = QueueBindOptions::default();
        self.channel
            .queue_bind(
                "heard".into(),
                exchange.as_str().into(),
                "#".into(),
                options,
                none(),
            )
            .await
            .unwrap();
    }

    async fn heard(&self) -> Option<lapin::message::Delivery> {
        let options = BasicGetOptions { no_ack: true };
        let got = self.channel.basic_get("heard".into(), options).await;
        got.unwrap().map(|message| message.delivery)
    }
}

fn switch_on(world: &mut World, rabbit: &RabbitMq) {
    world.set("RABBITMQ_ENABLED", "true");
    world.set("RABBITMQ_URL", rabbit.url());
}

pub async fn on_both_buses(home: &Home) -> (Kafka, RabbitMq, World) {
    let rabbit = RabbitMq::start(home, None).unwrap();
    on(home, rabbit).await
}

async fn on(home: &Home, rabbit: RabbitMq) -> (Kafka, RabbitMq, World) {
    let kafka = Kafka::start(home, None).unwrap();
    let mut world = World::new().await;
    world.set("KAFKA_BROKERS", kafka.brokers());
    switch_on(&mut world, &rabbit);
    (kafka, rabbit, world)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_message_on_both_buses_is_one_order() {
    let home = Home::temporary().unwrap();
    let (kafka, rabbit, world) = on_both_buses(&home).await;
    world.product(1, StockMode::Redis, 1_000).await;
    let (other, topic) = (Other::at(&world, &rabbit).await, Topic::of(&world, &kafka));
    other.declare(&other.queue()).await;
    let relay = world.relay();
    for user in 1..=50 {
        let message = purchase(user, 1);
        other.send(message.as_bytes()).await;
        topic.send(message.as_bytes(), None).await;
        if let Some((body, _)) = poison().get(user as usize) {
            other.send(body).await;
        }
    }
    // All bad messages, most of them for the second time: a repeated message is the same failure.
    for (body, _) in poison() {
        other.send(&body).await;
    }
    ordered(&world, 50).await;
    all_failed(&world, "rabbitmq").await;

    rabbit.process.kill();
    topic.send(purchase(60, 1).as_bytes(), None).await;
    ordered(&world, 51).await;
    rabbit.process.start().unwrap();
    let other = Other::at(&world, &rabbit).await;
    // A queue declared shortly before its server was killed may be lost.
    other.declare(&other.queue()).await;
    other.send(purchase(61, 1).as_bytes()).await;
    ordered(&world, 52).await;
    world.quiet().await;
    assert_eq!(world.stock(1).await, (948, 52, 0));
    let report = world.command("reconcile");
    assert!(report.contains("invariants hold"), "{report}");
    relay.stop().unwrap();
    assert_eq!(other.declare(&other.queue()).await, 0, "all acknowledged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_stays_until_its_order_is_committed() {
    let home = Home::temporary().unwrap();
    let (mariadb, redis, rabbit) = (
        MariaDb::start(&home, None).unwrap(),
        Redis::start(&home, None).unwrap(),
        RabbitMq::start(&home, None).unwrap(),
    );
    let mut world = World::on(&mariadb, &redis).await;
    switch_on(&mut world, &rabbit);
    world.product(1, StockMode::Redis, 10).await;
    let other = Other::at(&world, &rabbit).await;
    let queue = other.queue();
    let relay = world.relay();
    other.declare(&queue).await;
    other.send(purchase(1, 1).as_bytes()).await;
    ordered(&world, 1).await;

    mariadb.process.pause();
    other.send(purchase(2, 1).as_bytes()).await;
    wait("the delivery", async || other.declare(&queue).await == 0).await;
    relay.kill();
    // Perhaps with the first message too, if the relay had not seen its commit when the database stopped.
    wait("the message to be back", async || {
        other.declare(&queue).await > 0
    })
    .await;
    mariadb.process.resume();
    relay.start().unwrap();
    ordered(&world, 2).await;
    world.quiet().await;
    relay.stop().unwrap();
    assert_eq!(other.declare(&queue).await, 0, "acknowledged");
    assert!(world.command("reconcile").contains("invariants hold"));
}

/// Checks a purchase of ours; its order's id.
fn checked(delivery: &lapin::message::Delivery) -> String {
    let headers = delivery.properties.headers().as_ref().unwrap();
    let text = |value: &AMQPValue| value.as_long_string().unwrap().to_string();
    let headers = headers.inner().iter();
    let headers: Vec<(String, String)> = headers
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect();
    asyncapi::check(asyncapi::Read {
        server: "rabbitmq",
        address: delivery.routing_key.as_str(),
        headers: &headers,
        value: &delivery.data,
    });
    let header = |name: &str| &headers.iter().find(|(have, _)| have == name).unwrap().1;
    assert_eq!(header("cloudEvents_source"), SECKILL_SOURCE);
    let properties = &delivery.properties;
    assert_eq!(*properties.delivery_mode(), Some(2));
    let content = properties.content_type().as_ref().unwrap();
    assert_eq!(content.as_str(), "application/json");
    let id = properties.message_id().as_ref().unwrap();
    assert_eq!(id.as_str(), header("cloudEvents_id"));
    let message = ForeignPurchase::parse(&delivery.data).unwrap();
    assert_eq!(message.seckill_id, "1-5");
    header("cloudEvents_subject").clone()
}

/// Units of flash sale 5 of product 1.
async fn sale(world: &World) -> SkuId {
    let sku = SkuId(0).of_sale(5);
    world.product(1, StockMode::Redis, 100).await;
    sqlx::query("UPDATE t_inventory SET sku_id = ? WHERE product_id = 1")
        .bind(sku.0)
        .execute(&world.inventory)
        .await
        .unwrap();
    sku
}

async fn buy(world: &mut World, user: u64, sku: SkuId) -> String {
    let mut order = world.draft(user, 1, 1);
    order.items[0].sku = sku;
    world.promise(&order, 0);
    world.insert(&order).await;
    order.id.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn our_purchases_are_published_and_an_outage_holds_up_nothing_else() {
    let home = Home::temporary().unwrap();
    let (_kafka, rabbit, mut world) = on_both_buses(&home).await;
    let sku = sale(&world).await;
    let other = Other::at(&world, &rabbit).await;
    other.listen().await;
    let relay = world.relay();
    let mut bought = Vec::new();
    for round in 0..2 {
        if round == 1 {
            rabbit.process.kill();
        }
        for user in 1..=20 {
            bought.push(buy(&mut world, round * 100 + user, sku).await);
        }
        // While RabbitMQ is away, everything that needs only Kafka works.
        world.quiet().await;
    }
    rabbit.process.start().unwrap();
    let other = Other::at(&world, &rabbit).await;
    let mut heard = std::collections::BTreeSet::new();
    wait("all purchases", async || {
        while let Some(delivery) = other.heard().await {
            heard.insert(checked(&delivery));
        }
        heard.len() == bought.len()
    })
    .await;
    assert!(bought.iter().all(|id| heard.contains(id)));
    relay.stop().unwrap();
}

/// The server closes the channel over a purchase that is too large for it: that one is a dead letter, and the others go
/// on.
#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_that_rabbitmq_never_takes_holds_up_no_other() {
    let home = Home::temporary().unwrap();
    // A purchase has 118 bytes, and as many more as the user's number has digits beyond the first.
    let rabbit = RabbitMq::start_taking(&home, None, 125).unwrap();
    let (kafka, rabbit, mut world) = on(&home, rabbit).await;
    let sku = sale(&world).await;
    let other = Other::at(&world, &rabbit).await;
    other.listen().await;
    let mut bought = Vec::new();
    for user in [1, 2, 9_000_000_000_000, 3, 4] {
        bought.push(buy(&mut world, user, sku).await);
    }
    let large = bought.remove(2);
    let relay = world.relay();
    let mut heard = std::collections::BTreeSet::new();
    wait("the small purchases", async || {
        while let Some(delivery) = other.heard().await {
            heard.insert(checked(&delivery));
        }
        heard.len() == bought.len()
    })
    .await;
    assert!(bought.iter().all(|id| heard.contains(id)));
    let letters = [dead_letters(&other.queue())];
    let letter = &read(&kafka.brokers(), &letters, 1)[0];
    assert_eq!(letter.key, large);
    let reason = letter.header("dlq_reason");
    assert!(
        reason.starts_with("RabbitMQ refuses it: PRECONDITION_FAILED"),
        "{reason}"
    );
    let message = ForeignPurchase::parse(&letter.value).unwrap();
    assert_eq!(message.user, 9_000_000_000_000);
    relay.stop().unwrap();
}
