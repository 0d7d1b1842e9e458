//! Tests of `consume`.

use super::*;
use crate::process::shutdown;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::Notify;

const GOOD: &str = r#"{"user_id":7,"product_id":1,"quantity":2,"unit_price":9.9,"timestamp":"2026-11-21T10:00:00Z"}"#;

fn record(offset: i64, value: &str) -> Incoming {
    Incoming {
        topic: "seckill.success".to_owned(),
        partition: 0,
        offset,
        key: Vec::new(),
        value: value.as_bytes().to_vec(),
        headers: Vec::new(),
    }
}

/// Gives its batches once, then waits for ever; records what is acknowledged.
struct Script {
    batches: Vec<Vec<Incoming>>,
    acknowledged: Arc<Mutex<Vec<i64>>>,
    idle: Arc<Notify>,
}

impl Source for Script {
    async fn next(&mut self, _: usize, _: Duration) -> anyhow::Result<Vec<Incoming>> {
        if self.batches.is_empty() {
            self.idle.notify_one();
            std::future::pending::<()>().await;
        }
        Ok(self.batches.remove(0))
    }

    async fn acknowledge(&mut self, batch: &[Incoming]) -> anyhow::Result<()> {
        let offsets = batch.iter().map(|record| record.offset);
        self.acknowledged.lock().unwrap().extend(offsets);
        Ok(())
    }
}

/// Fails the first time; records what it was given, and checks that nothing was acknowledged before.
struct Writer {
    calls: AtomicU32,
    taken: Mutex<Vec<(String, bool)>>,
    acknowledged: Arc<Mutex<Vec<i64>>>,
}

impl Purchases for Writer {
    async fn take_in(&self, messages: &[Message<'_>]) -> anyhow::Result<()> {
        if self.calls.fetch_add(1, Ordering::Relaxed) == 0 {
            assert!(self.acknowledged.lock().unwrap().is_empty());
            anyhow::bail!("the database is away");
        }
        let written = messages
            .iter()
            .map(|one| (one.id.clone(), one.purchase.is_ok()));
        self.taken.lock().unwrap().extend(written);
        Ok(())
    }
}

#[tokio::test]
async fn a_batch_is_acknowledged_only_when_it_has_been_written() {
    let (acknowledged, idle) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
    let mut ours = record(2, GOOD);
    ours.headers = vec![(
        "ce_source".into(),
        contract::wire::message::SECKILL_SOURCE.into(),
    )];
    let source = Script {
        batches: vec![vec![record(0, GOOD), record(1, "broken")], vec![ours]],
        acknowledged: acknowledged.clone(),
        idle: idle.clone(),
    };
    let writer = Arc::new(Writer {
        calls: AtomicU32::new(0),
        taken: Mutex::new(Vec::new()),
        acknowledged: acknowledged.clone(),
    });
    let metrics = Arc::new(Metrics::new(1).unwrap());
    let consumer = SeckillConsumer {
        bus: Bus::Kafka,
        source,
        writer: writer.clone(),
        metrics: metrics.clone(),
    };
    let (trigger, stopping) = shutdown::channel();
    let running = tokio::spawn(consumer.run(stopping));
    idle.notified().await;
    trigger.stop();
    running.await.unwrap();
    assert_eq!(*acknowledged.lock().unwrap(), [0, 1, 2]);
    assert_eq!(writer.calls.load(Ordering::Relaxed), 2, "ours cost no call");
    let taken = writer.taken.lock().unwrap();
    assert!(taken[0].0.starts_with("seckill.success-0-0-") && taken[0].1);
    assert!(taken[1].0.starts_with("seckill.success-0-1-") && !taken[1].1);
    let counts = &metrics.seckill[Bus::Kafka as usize];
    let counted = [&counts.foreign, &counts.unreadable, &counts.own].map(|c| c.get());
    assert_eq!(counted, [1, 1, 1]);
}
