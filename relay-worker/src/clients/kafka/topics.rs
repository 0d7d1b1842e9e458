//! The topics that the relay writes to: created where they are missing, each with its dead letter topic.

use super::Cluster;
use anyhow::{Context, bail};
use contract::wire::message::{
    DEAD_LETTERS, ORDER_CREATED, ORDER_STATUS_CHANGED, SECKILL_SUCCESS, STOCK,
};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;
use std::time::Duration;

/// How long creating topics may take.
const CREATE_TIMEOUT: Duration = Duration::from_secs(10);
/// Stands for the brokers' own default.
const REPLICATION: i32 = -1;

/// The dead letter topic of `topic`.
pub fn dead_letters(topic: &str) -> String {
    format!("{topic}{DEAD_LETTERS}")
}

/// Every topic and its dead letter topic, with their prefix.
pub fn names(cluster: &Cluster) -> Vec<String> {
    [ORDER_CREATED, ORDER_STATUS_CHANGED, STOCK, SECKILL_SUCCESS]
        .into_iter()
        .flat_map(|name| {
            let topic = cluster.topic(name);
            let dead = dead_letters(&topic);
            [topic, dead]
        })
        .collect()
}

/// Creates missing topics; existing ones keep their partitions.
///
/// # Errors
/// Where the brokers are away or refuse.
pub async fn ensure(cluster: &Cluster) -> anyhow::Result<()> {
    let admin: AdminClient<DefaultClientContext> = cluster.client().create()?;
    let names = names(cluster);
    let topics: Vec<NewTopic<'_>> = names
        .iter()
        .map(|name| {
            let partitions = i32::from(cluster.partitions);
            NewTopic::new(name, partitions, TopicReplication::Fixed(REPLICATION))
        })
        .collect();
    let options = AdminOptions::new()
        .request_timeout(Some(CREATE_TIMEOUT))
        .operation_timeout(Some(CREATE_TIMEOUT));
    let outcomes = admin
        .create_topics(&topics, &options)
        .await
        .with_context(|| format!("Kafka at {}", cluster.brokers))?;
    for outcome in outcomes {
        match outcome {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => bail!("topic {topic} cannot be made: {code}"),
        }
    }
    Ok(())
}
