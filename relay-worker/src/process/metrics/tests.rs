//! Tests of `metrics`.

use super::*;

#[test]
fn text_has_every_shard_and_topic() {
    let metrics = Metrics::new(2).unwrap();
    metrics.outbox[1].published.add(3);
    metrics.outbox[1].oldest_age_seconds.set(1.005);
    metrics.consumer_lag.set("doos.stock.deduct", 7);
    metrics.rabbitmq_lag.set("seckill.success", 2);
    metrics.seckill[Bus::RabbitMq as usize].own.add(4);
    metrics.intake_batch.observe(7.0);
    metrics.failures.failed.add(1);
    let text = metrics.render().unwrap();
    for line in [
        "outbox_published_total{shard=\"0\"} 0",
        "outbox_published_total{shard=\"1\"} 3",
        "outbox_oldest_age_seconds{shard=\"1\"} 1.005",
        "intake_batch_size_bucket{le=\"5\"} 0",
        "intake_batch_size_bucket{le=\"10\"} 1",
        "order_failures_total{status=\"failed\"} 1",
        "kafka_consumer_lag{topic=\"doos.stock.deduct\"} 7",
        "relay_rabbitmq_lag{topic=\"seckill.success\"} 2",
        "relay_seckill_messages_total{bus=\"rabbitmq\",kind=\"own\"} 4",
        "relay_loops_restarted_total 0",
    ] {
        assert!(text.lines().any(|have| have == line), "{line} in\n{text}");
    }
}
