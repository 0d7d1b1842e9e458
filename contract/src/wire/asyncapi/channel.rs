//! The channels and what the platform does on them.

use super::message::{DEAD_LETTER, FOREIGN, FORWARDED, PUBLISHED};
use super::{object, reference};
use crate::wire::message::{
    DEAD_LETTERS, EXCHANGE, ORDER_CREATED, ORDER_STATUS_CHANGED, SECKILL_GROUP, SECKILL_SUCCESS,
    STOCK,
};
use serde_json::{Value, json};

/// Partitions of a topic that the relay creates, unless configured.
const PARTITIONS: u32 = 8;

/// A topic of Kafka.
struct Topic {
    /// Its key in the document.
    id: &'static str,
    /// Without its prefix.
    name: &'static str,
    description: &'static str,
    /// `event_type` of what the platform sends to it.
    sent: &'static [&'static str],
    /// Whether other systems write to it.
    received: bool,
    /// Which messages the dead letter topic has.
    aside: &'static str,
}

const TOPICS: [Topic; 4] = [
    Topic {
        id: "orderCreated",
        name: ORDER_CREATED,
        description: "New orders.",
        sent: &["order.created"],
        received: false,
        aside: "Records that the search index refuses.",
    },
    Topic {
        id: "orderStatusChanged",
        name: ORDER_STATUS_CHANGED,
        description: "Every change of an order's status.",
        sent: &["order.status_changed"],
        received: false,
        aside: "Records that the search index refuses.",
    },
    Topic {
        id: "stock",
        name: STOCK,
        description: "All stock moves in one topic, so that a rollback never overtakes its reservation.",
        sent: &["stock.deduct", "stock.confirm", "stock.rollback"],
        received: false,
        aside: "Records that are no stock move.",
    },
    Topic {
        id: "purchases",
        name: SECKILL_SUCCESS,
        description: "Purchases in flash sales: this platform's, and those that other systems report.",
        sent: &["seckill.success"],
        received: true,
        aside: "Purchases of this platform that RabbitMQ refuses. Another system's that cannot become an order is a \
                failure that `/api/v1/failures` shows, no dead letter.",
    },
];

const EXCHANGE_CHANNEL: &str = "purchasesForwarded";
const QUEUE_CHANNEL: &str = "purchasesQueue";

/// Every channel by its key.
pub fn channels() -> Value {
    let topics = TOPICS.iter().flat_map(|topic| {
        let dead = topic.dead();
        [(topic.id.to_owned(), topic.channel()), dead]
    });
    let rabbitmq = [
        (EXCHANGE_CHANNEL.to_owned(), exchange()),
        (QUEUE_CHANNEL.to_owned(), queue()),
    ];
    object(topics.chain(rabbitmq))
}

fn channel(name: &str, server: &str, description: &str, messages: &[&str]) -> Value {
    let messages = messages
        .iter()
        .map(|id| ((*id).to_owned(), reference(&["components", "messages", id])));
    json!({
        "address": format!("{{prefix}}{name}"),
        "description": description,
        "servers": [reference(&["servers", server])],
        "parameters": { "prefix": {
            "description": "The variable `TOPIC_PREFIX` of the relay; empty unless configured.",
            "default": "",
        } },
        "messages": object(messages),
    })
}

fn ids(sent: &[&str]) -> Vec<&'static str> {
    let of = |kind: &&str| PUBLISHED.iter().find(|one| one.kind == *kind);
    sent.iter().filter_map(of).map(|one| one.id).collect()
}

impl Topic {
    fn channel(&self) -> Value {
        let mut messages = ids(self.sent);
        messages.extend(self.received.then_some(FOREIGN));
        let mut channel = channel(self.name, "kafka", self.description, &messages);
        channel["bindings"] = partitions();
        channel
    }

    fn dead(&self) -> (String, Value) {
        let name = format!("{}{DEAD_LETTERS}", self.name);
        let mut channel = channel(&name, "kafka", self.aside, &[DEAD_LETTER]);
        channel["bindings"] = partitions();
        (format!("{}DeadLetters", self.id), channel)
    }
}

fn partitions() -> Value {
    json!({ "kafka": { "partitions": PARTITIONS, "bindingVersion": "0.5.0" } })
}

fn exchange() -> Value {
    let text = "Purchases in this platform's flash sales. Other systems bind queues of theirs to the exchange, whose \
                name has the prefix too; the address is the routing key.";
    let mut channel = channel(SECKILL_SUCCESS, "rabbitmq", text, &[FORWARDED]);
    channel["bindings"] = json!({ "amqp": {
        "is": "routingKey",
        "exchange": { "name": EXCHANGE, "type": "topic", "durable": true, "autoDelete": false },
        "bindingVersion": "0.3.0",
    } });
    channel
}

fn queue() -> Value {
    let text = "Purchases that other systems report. A queue that exists is used as it is; a missing one is declared.";
    let mut channel = channel(SECKILL_SUCCESS, "rabbitmq", text, &[FOREIGN]);
    channel["bindings"] = json!({ "amqp": {
        "is": "queue",
        "queue": { "name": SECKILL_SUCCESS, "durable": true, "exclusive": false, "autoDelete": false },
        "bindingVersion": "0.3.0",
    } });
    channel
}

/// Every operation by its key.
pub fn operations() -> Value {
    let topics = TOPICS.iter().flat_map(|topic| {
        let sent = operation("send", topic.id, &ids(topic.sent));
        let dead = format!("{}DeadLetters", topic.id);
        let aside = operation("send", &dead, &[DEAD_LETTER]);
        let received = topic.received.then(|| {
            let mut operation = operation("receive", topic.id, &[FOREIGN]);
            operation.1["bindings"] = json!({ "kafka": {
                "groupId": { "type": "string", "pattern": format!("{SECKILL_GROUP}$") },
                "bindingVersion": "0.5.0",
            } });
            operation
        });
        [sent, aside].into_iter().chain(received)
    });
    let mut forward = operation("send", EXCHANGE_CHANNEL, &[FORWARDED]);
    forward.1["bindings"] = json!({ "amqp": { "deliveryMode": 2, "bindingVersion": "0.3.0" } });
    let mut take = operation("receive", QUEUE_CHANNEL, &[FOREIGN]);
    take.1["bindings"] = json!({ "amqp": { "ack": true, "bindingVersion": "0.3.0" } });
    object(topics.chain([forward, take]))
}

fn operation(action: &str, channel: &str, messages: &[&str]) -> (String, Value) {
    let mut first = channel.chars();
    let capital = first.next().map(|letter| letter.to_ascii_uppercase());
    let name = format!("{action}{}{}", capital.unwrap_or_default(), first.as_str());
    let messages = messages
        .iter()
        .map(|id| reference(&["channels", channel, "messages", id]));
    let operation = json!({
        "action": action,
        "channel": reference(&["channels", channel]),
        "messages": messages.collect::<Vec<_>>(),
    });
    (name, operation)
}
