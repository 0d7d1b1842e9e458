//! Tests of `dead_letter`.

use super::*;
use crate::process::shutdown;
use std::sync::Mutex;

/// Answers each call with the next verdicts; remembers the keys that it was given.
struct Bus {
    verdicts: Mutex<Vec<Vec<Verdict>>>,
    asked: Mutex<Vec<Vec<String>>>,
}

impl Publisher for Bus {
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Verdict> {
        let keys = batch.into_iter().map(|letter| letter.key).collect();
        self.asked.lock().unwrap().push(keys);
        self.verdicts.lock().unwrap().remove(0)
    }

    async fn reachable(&self) -> anyhow::Result<()> {
        Ok(())
    }
}

fn letter(key: &str) -> Outgoing {
    let record = Incoming {
        topic: "t".to_owned(),
        partition: 2,
        offset: 7,
        key: key.as_bytes().to_vec(),
        value: b"x".to_vec(),
        headers: Vec::new(),
    };
    outgoing(&record, &"é".repeat(600))
}

#[test]
fn a_letter_names_where_its_record_stood() {
    let letter = letter("5");
    assert_eq!((letter.topic.as_str(), letter.key.as_str()), ("t.dlq", "5"));
    let text = |name| {
        &letter
            .headers
            .iter()
            .find(|(have, _)| *have == name)
            .unwrap()
            .1
    };
    assert_eq!(
        [text("dlq_topic"), text("dlq_partition"), text("dlq_offset")],
        ["t", "2", "7"]
    );
    assert_eq!(text("dlq_reason").chars().count(), 500);
}

#[tokio::test]
async fn what_is_written_counts_once_and_what_is_not_never() {
    let (away, refused) = (
        Verdict::Away("down".to_owned()),
        Verdict::Refused("too large".to_owned()),
    );
    let bus = Bus {
        verdicts: Mutex::new(vec![
            vec![Verdict::Delivered, away.clone(), refused],
            vec![away],
            vec![Verdict::Delivered],
        ]),
        asked: Mutex::default(),
    };
    let metrics = Metrics::new(1).unwrap();
    let (_trigger, mut stopping) = shutdown::channel();
    let mut outage = Outage::new("test");
    let letters = vec![letter("1"), letter("2"), letter("3")];
    let written = put_aside(&bus, &metrics, letters, &mut outage, &mut stopping).await;
    assert!(written.is_some());
    assert_eq!(metrics.dead_letters.get(), 2);
    assert_eq!(
        *bus.asked.lock().unwrap(),
        [vec!["1", "2", "3"], vec!["2"], vec!["2"]]
    );
}

#[tokio::test]
async fn a_relay_that_stops_leaves_its_records_to_the_next() {
    let bus = Bus {
        verdicts: Mutex::new(vec![vec![Verdict::Away("down".to_owned())]]),
        asked: Mutex::default(),
    };
    let metrics = Metrics::new(1).unwrap();
    let (trigger, mut stopping) = shutdown::channel();
    trigger.stop();
    let mut outage = Outage::new("test");
    let written = put_aside(
        &bus,
        &metrics,
        vec![letter("1")],
        &mut outage,
        &mut stopping,
    )
    .await;
    assert!(written.is_none());
    assert_eq!(metrics.dead_letters.get(), 0);
}
