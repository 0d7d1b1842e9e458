//! Tests of `frames`.

use super::super::account::Ledger;
use super::*;

fn frame(kind: u8, length: u8) -> Vec<u8> {
    let mut bytes = vec![0, 0, length, kind, 0, 0, 0, 0, 1];
    bytes.resize(HEAD_BYTES + usize::from(length), 7);
    bytes
}

#[tokio::test]
async fn frames_are_counted_wherever_they_are_cut() {
    let mut sent = vec![b'P'; PREFACE_BYTES];
    for length in [0, 1, 200] {
        sent.extend([frame(DATA, length), frame(6, 8)].concat());
    }
    for size in [1, 2, 7, 9, 10, 24, 33, 500] {
        let mut frames = Frames::new();
        sent.chunks(size).for_each(|piece| frames.read(piece));
        assert_eq!(frames.allowance, limits::H2_FRAMES_MAX - 6, "{size}");
        assert_eq!(frames.body_bytes, 201, "{size}");
    }
}

#[tokio::test]
async fn time_bodies_and_replies_renew_the_allowance() {
    let mut frames = Frames::new();
    let begin = frames.counted.at;
    frames.allowance = -10;
    frames.renew(begin, 0, 0);
    assert_eq!(frames.allowance, -10, "nothing earned");
    frames.renew(begin, 0, 3);
    let by_replies = 3 * limits::H2_FRAMES_PER_REPLY as i64;
    assert_eq!(frames.allowance, by_replies - 10);
    frames.allowance = 0;
    frames.body_bytes = limits::H2_BYTES_PER_FRAME;
    frames.renew(begin, limits::H2_BYTES_PER_FRAME, 3);
    assert_eq!(frames.allowance, 2);
    let later = begin + Duration::from_secs(3600);
    frames.renew(later, limits::H2_BYTES_PER_FRAME, 3);
    assert_eq!(frames.allowance, limits::H2_FRAMES_MAX, "and no more");
}

#[tokio::test]
async fn without_allowance_nothing_is_read_for_a_while_and_then_no_more() {
    let ledger = Ledger::new(prometheus::IntCounter::new("evicted", "evicted").unwrap());
    let entry = ledger.open([127, 0, 0, 1].into(), 1).unwrap();
    let mut frames = Frames::new();
    let allowed = async |frames: &mut Frames| {
        std::future::poll_fn(|cx| frames.poll_allowed(cx, entry.account())).await
    };
    frames.allowance = 0;
    let begin = Instant::now();
    allowed(&mut frames).await.unwrap();
    assert!(begin.elapsed() >= PAUSE && frames.allowance > 0);
    let late = limits::H2_FRAMES_LATE_MAX + PAUSE;
    frames.without_since = begin.checked_sub(late);
    frames.allowance = i64::MIN / 2;
    assert!(allowed(&mut frames).await.is_err());
    frames.allowance = limits::H2_FRAMES_MAX;
    frames.renew(Instant::now(), 0, 0);
    frames.allowance = 0;
    allowed(&mut frames).await.unwrap();
}
