//! Tests of `publish`.

use super::*;
use crate::fixtures;
use futures::FutureExt;

fn part(at: usize, verdicts: &[Verdict]) -> Part {
    let verdicts = verdicts.iter().cloned();
    Part {
        at,
        deliveries: verdicts
            .map(|verdict| std::future::ready(verdict).boxed())
            .collect(),
        moves_stock: true,
    }
}

#[tokio::test]
async fn a_row_is_sent_when_all_of_its_records_are() {
    let rows = [fixtures::created_row(1, 1), fixtures::created_row(2, 1)];
    let away = Verdict::Away("no broker".to_owned());
    let whole = part(0, &[Verdict::Delivered, Verdict::Delivered]);
    let whole = answered(whole, &rows).await;
    assert_eq!(
        (whole.settled.id, whole.settled.outcome),
        (1, Outcome::Sent)
    );
    let half = answered(part(1, &[Verdict::Delivered, away]), &rows).await;
    assert!(matches!(
        half.settled.outcome,
        Outcome::Retry { wait_ms: 1_000, .. }
    ));
    assert!(half.delivered && half.away, "a part of the bus is there");
}

#[tokio::test]
async fn an_answer_that_does_not_come_holds_up_no_other() {
    let rows = [fixtures::created_row(1, 1), fixtures::created_row(2, 1)];
    let never = Part {
        at: 0,
        deliveries: vec![std::future::pending().boxed()],
        moves_stock: true,
    };
    let parts = [never, part(1, &[Verdict::Delivered])];
    let mut waiting: FuturesUnordered<_> = parts
        .into_iter()
        .map(|part| answered(part, &rows))
        .collect();
    let wave = tokio::time::timeout(Duration::from_secs(30), wave(&mut waiting)).await;
    let wave = wave.expect("an answer that is there");
    assert_eq!(wave.len(), 1);
    assert_eq!((wave[0].settled.id, waiting.len()), (2, 1));
}

#[test]
fn a_full_claim_is_followed_by_the_next() {
    let mut claimed = claim::Claimed::default();
    let idle = |claimed: &claim::Claimed| idle(claimed, 1_000);
    assert_eq!(idle(&claimed), Some(Duration::from_millis(1_000)));
    claimed.next_due_ms = Some(200);
    assert_eq!(idle(&claimed), Some(Duration::from_millis(200)));
    claimed.rows = vec![fixtures::created_row(1, 1)];
    claimed.full = true;
    assert_eq!(idle(&claimed), None);
}
