"""Reads records with clients and an SDK that know nothing of the relay; prints each as a CloudEvent, one line of JSON.

Arguments: Kafka's brokers, topics with commas between, how many records they have, and perhaps RabbitMQ's URL, a queue
and how many messages it has."""

import json
import sys
import time

import pika
from cloudevents.core.bindings.amqp import AMQPMessage, from_amqp_event
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from kafka import KafkaConsumer

SECONDS_MAX = 60


def show(place, event):
    attributes = {name: str(value) for name, value in event.get_attributes().items()}
    attributes["time"] = event.get_time().isoformat()
    print(json.dumps({"place": place, "attributes": attributes, "data": event.get_data()}))


def from_kafka(brokers, topics, count):
    consumer = KafkaConsumer(
        *topics.split(","),
        bootstrap_servers=brokers,
        group_id=None,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=SECONDS_MAX * 1000,
    )
    for _ in range(count):
        record = next(consumer)
        message = KafkaMessage(dict(record.headers), record.key, record.value)
        show(record.topic, from_kafka_event(message))
    consumer.close()


def from_rabbitmq(url, queue, count):
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    until = time.monotonic() + SECONDS_MAX
    while count and time.monotonic() < until:
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        if method is None:
            connection.process_data_events(0.05)
            continue
        content = {"content-type": properties.content_type}
        show(queue, from_amqp_event(AMQPMessage(content, properties.headers, body)))
        count -= 1
    connection.close()


from_kafka(sys.argv[1], sys.argv[2], int(sys.argv[3]))
if len(sys.argv) > 4:
    from_rabbitmq(sys.argv[4], sys.argv[5], int(sys.argv[6]))
