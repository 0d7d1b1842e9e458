//! Tests of `producer`.

use super::*;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::Message;
use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};

/// So large that two do not fit into one request.
fn large(letter: u8) -> Outgoing {
    Outgoing {
        topic: "orders".to_owned(),
        key: "7".to_owned(),
        value: vec![letter; 600_000],
        headers: Vec::new(),
    }
}

#[tokio::test]
async fn a_record_sent_again_is_not_overtaken() {
    let broker = MockCluster::new(1).unwrap();
    broker.create_topic("orders", 1, 1).unwrap();
    let cluster = Cluster {
        brokers: broker.bootstrap_servers(),
        topic_prefix: String::new(),
        partitions: 1,
        embedded: true,
    };
    let publisher = KafkaPublisher::new(&cluster).unwrap();
    publisher.reachable().await.unwrap();
    let slow = Duration::from_millis(100);
    broker.broker_round_trip_time(-1, slow).unwrap();
    let away = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
    broker.request_errors(RDKafkaApiKey::Produce, &[away]);

    let verdicts = publisher.publish(vec![large(b'a'), large(b'b')]).await;
    assert_eq!(verdicts, [Verdict::Delivered, Verdict::Delivered]);
    assert_eq!(written(&cluster, 2).await, b"ab");
}

/// First bytes of as many records, as they lie in the topic.
async fn written(cluster: &Cluster, count: usize) -> Vec<u8> {
    let mut client = cluster.client();
    let consumer: StreamConsumer = client.set("group.id", "test").create().unwrap();
    let mut all = TopicPartitionList::new();
    all.add_partition_offset("orders", 0, Offset::Beginning)
        .unwrap();
    consumer.assign(&all).unwrap();
    let mut values = Vec::new();
    while values.len() < count {
        let record = tokio::time::timeout(FLUSH_TIMEOUT, consumer.recv()).await;
        let record = record.expect("a record was lost").unwrap();
        values.extend(record.payload().unwrap_or_default().first());
    }
    values
}

#[test]
fn only_the_records_own_fault_is_a_refusal() {
    use RDKafkaErrorCode::*;
    for (code, refused) in [
        (MessageSizeTooLarge, true),
        (InvalidRecord, true),
        (MessageTimedOut, false),
        (AllBrokersDown, false),
        (QueueFull, false),
        (UnknownTopicOrPartition, false),
        (TopicAuthorizationFailed, false),
    ] {
        let verdict = verdict(&KafkaError::MessageProduction(code));
        assert_eq!(matches!(verdict, Verdict::Refused(_)), refused, "{code:?}");
    }
}
