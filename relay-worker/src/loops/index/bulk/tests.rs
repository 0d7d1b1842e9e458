//! Tests of `bulk`.

use super::*;
use crate::fixtures;
use serde_json::json;

fn document(number: u64, version: u32) -> OrderDocument {
    let mut document = OrderDocument::from(&fixtures::order(number, 1));
    document.version = version;
    document
}

#[test]
fn only_the_newest_version_is_sent() {
    let kept = newest([
        document(1, 2),
        document(2, 1),
        document(1, 3),
        document(1, 1),
    ]);
    let versions: Vec<u32> = kept.iter().map(|d| d.version).collect();
    assert_eq!(versions, [3, 1]);
}

#[test]
fn every_document_gets_a_verdict() {
    let documents: Vec<OrderDocument> = (0..8).map(|n| document(n, 1)).collect();
    let sent: Vec<&OrderDocument> = documents.iter().collect();
    let id = |n: usize| &documents[n].id;
    let reply = json!({ "took": 3, "errors": true, "items": [
        { "index": { "_id": id(0), "status": 201, "_version": 1 } },
        { "index": { "_id": id(1), "status": 409, "error": { "type": "version_conflict_engine_exception", "reason": "x" } } },
        { "index": { "_id": id(2), "status": 429, "error": { "type": "es_rejected_execution_exception", "reason": "full" } } },
        { "index": { "_id": id(3), "status": 400, "error": { "type": "mapper_parsing_exception", "reason": "no date" } } },
        { "index": { "_id": id(4) } },
        { "index": { "_id": "another", "status": 200 } },
        { "create": { "_id": id(6), "status": 200 } },
    ] });
    let verdicts = classify(&sent, reply.to_string().as_bytes());
    let full = "es_rejected_execution_exception: full".to_owned();
    let bad = "400 mapper_parsing_exception: no date".to_owned();
    assert_eq!(
        verdicts[..4],
        [
            Verdict::Delivered,
            Verdict::Delivered,
            Verdict::Retry(full),
            Verdict::DeadLetter(bad),
        ]
    );
    assert!(verdicts[4..].iter().all(|v| matches!(v, Verdict::Retry(_))));
    assert_eq!(verdicts.len(), sent.len());
}

#[test]
fn what_is_no_reply_means_send_again() {
    let document = document(1, 1);
    for reply in ["", "<html>", "{}", "{\"items\":3}", "{\"items\":[]}"] {
        let verdicts = classify(&[&document], reply.as_bytes());
        assert!(matches!(verdicts[..], [Verdict::Retry(_)]), "{reply}");
    }
}

#[test]
fn the_body_has_two_lines_per_document() {
    let (one, two) = (document(1, 4), document(2, 1));
    let body = String::from_utf8(encode(&[&one, &two]).unwrap()).unwrap();
    let lines: Vec<&str> = body.lines().collect();
    assert_eq!(lines.len(), 4);
    let action: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!(action["index"]["version"], 4);
    assert_eq!(action["index"]["version_type"], "external");
    assert!(body.ends_with('\n'));
}
