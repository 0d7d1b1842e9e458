//! Tests of `forward`.

use super::*;
use crate::process::shutdown;
use contract::wire::message::SECKILL_SOURCE;
use std::sync::Mutex;
use tokio::sync::Notify;

fn record(offset: i64, source: &str) -> Incoming {
    let header = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
    Incoming {
        topic: "w1.seckill.success".to_owned(),
        partition: 0,
        offset,
        key: b"7".to_vec(),
        value: b"{}".to_vec(),
        headers: [
            ("ce_source", source),
            ("ce_id", "m"),
            ("content-type", "application/json"),
            ("x-other", "y"),
        ]
        .map(header)
        .to_vec(),
    }
}

/// Gives one batch, then waits for ever.
struct Topic {
    batch: Option<Vec<Incoming>>,
    acknowledged: Arc<Mutex<usize>>,
    idle: Arc<Notify>,
}

impl Source for Topic {
    async fn next(&mut self, _: usize, _: Duration) -> anyhow::Result<Vec<Incoming>> {
        match self.batch.take() {
            Some(batch) => Ok(batch),
            None => {
                self.idle.notify_one();
                std::future::pending().await
            }
        }
    }

    async fn acknowledge(&mut self, batch: &[Incoming]) -> anyhow::Result<()> {
        *self.acknowledged.lock().unwrap() += batch.len();
        Ok(())
    }
}

/// Gives the next verdict to each record, `Delivered` where there is none left; remembers what it was given.
#[derive(Default)]
struct Bus {
    verdicts: Mutex<Vec<Verdict>>,
    sent: Mutex<Vec<Outgoing>>,
}

impl Publisher for Arc<Bus> {
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Verdict> {
        let mut verdicts = self.verdicts.lock().unwrap();
        self.sent.lock().unwrap().extend(batch.iter().cloned());
        let next = |_| {
            if verdicts.is_empty() {
                Verdict::Delivered
            } else {
                verdicts.remove(0)
            }
        };
        batch.iter().map(next).collect()
    }

    async fn reachable(&self) -> anyhow::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_rabbitmq_refuses_is_a_dead_letter() {
    let (acknowledged, idle) = (Arc::new(Mutex::new(0)), Arc::new(Notify::new()));
    let rabbit = Arc::new(Bus {
        verdicts: Mutex::new(vec![
            Verdict::Refused("larger than 100 bytes".to_owned()),
            Verdict::Away("down".to_owned()),
        ]),
        sent: Mutex::default(),
    });
    let kafka = Arc::new(Arc::new(Bus {
        verdicts: Mutex::new(vec![Verdict::Away("down".to_owned())]),
        sent: Mutex::default(),
    }));
    let metrics = Arc::new(Metrics::new(1).unwrap());
    let batch = vec![
        record(1, SECKILL_SOURCE),
        record(2, "/shop"),
        record(3, SECKILL_SOURCE),
    ];
    let forwarder = Forwarder {
        source: Topic {
            batch: Some(batch),
            acknowledged: acknowledged.clone(),
            idle: idle.clone(),
        },
        publisher: rabbit.clone(),
        letters: kafka.clone(),
        metrics: metrics.clone(),
    };
    let (trigger, stopping) = shutdown::channel();
    let running = tokio::spawn(forwarder.run(stopping));
    idle.notified().await;
    trigger.stop();
    running.await.unwrap();
    assert_eq!(*acknowledged.lock().unwrap(), 3);
    assert_eq!(
        (metrics.dead_letters.get(), metrics.rabbitmq_published.get()),
        (1, 1)
    );
    let sent = rabbit.sent.lock().unwrap();
    assert_eq!(
        sent.len(),
        3,
        "the second record twice, another system's never"
    );
    let mut names: Vec<&str> = sent[0].headers.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(names, ["cloudEvents_id", "cloudEvents_source"]);
    let letters = kafka.sent.lock().unwrap();
    assert_eq!(letters.len(), 2, "until it is written");
    assert_eq!(letters[1].topic, "w1.seckill.success.dlq");
    let reason = (
        "dlq_reason",
        "RabbitMQ refuses it: larger than 100 bytes".to_owned(),
    );
    assert!(
        letters[1].headers.contains(&reason),
        "{:?}",
        letters[1].headers
    );
}
