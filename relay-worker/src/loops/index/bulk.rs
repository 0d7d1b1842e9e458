//! Bulk requests: their text, and a verdict for each document sent, whatever the reply looks like.

use contract::wire::event::OrderDocument;
use serde::Deserialize;
use std::collections::HashMap;

/// What became of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is there, or a newer version is.
    Delivered,
    Retry(String),
    /// It will never be taken.
    DeadLetter(String),
}

/// One version per order: the newest.
pub fn newest(documents: impl IntoIterator<Item = OrderDocument>) -> Vec<OrderDocument> {
    let mut kept: Vec<OrderDocument> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for document in documents {
        match places.get(&document.id) {
            Some(place) if kept[*place].version >= document.version => {}
            Some(place) => kept[*place] = document,
            None => {
                places.insert(document.id.clone(), kept.len());
                kept.push(document);
            }
        }
    }
    kept
}

/// The body of a bulk request.
///
/// # Errors
/// When a document cannot be written as JSON.
pub fn encode(documents: &[&OrderDocument]) -> serde_json::Result<Vec<u8>> {
    let mut body = Vec::with_capacity(documents.len() * 512);
    for document in documents {
        let action = serde_json::json!({ "index": {
            "_id": document.id, "version": document.version, "version_type": "external" } });
        serde_json::to_writer(&mut body, &action)?;
        body.push(b'\n');
        serde_json::to_writer(&mut body, document)?;
        body.push(b'\n');
    }
    Ok(body)
}

#[derive(Deserialize)]
struct Reply {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: Option<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(rename = "_id")]
    id: Option<String>,
    status: Option<u16>,
    error: Option<serde_json::Value>,
}

/// One verdict per document sent, in their order. What the reply does not tell is sent again.
pub fn classify(sent: &[&OrderDocument], reply: &[u8]) -> Vec<Verdict> {
    let reply: Reply = match serde_json::from_slice(reply) {
        Ok(reply) => reply,
        Err(error) => {
            let reason = format!("the reply cannot be read: {error}");
            return vec![Verdict::Retry(reason); sent.len()];
        }
    };
    let mut items = reply.items.into_iter();
    let verdicts: Vec<Verdict> = sent
        .iter()
        .map(|document| verdict(document, items.next()))
        .collect();
    assert_eq!(verdicts.len(), sent.len(), "a verdict per document");
    verdicts
}

fn verdict(document: &OrderDocument, item: Option<Item>) -> Verdict {
    let Some(outcome) = item.and_then(|item| item.index) else {
        return Verdict::Retry("the reply does not have it".to_owned());
    };
    if outcome.id.as_deref() != Some(&document.id) {
        return Verdict::Retry("the reply has another document in its place".to_owned());
    }
    let reason = || {
        let error = outcome.error.as_ref();
        let text = |field: &str| error.and_then(|e| e.get(field)).and_then(|t| t.as_str());
        let (kind, reason) = (text("type"), text("reason"));
        format!(
            "{}: {}",
            kind.unwrap_or("error"),
            reason.unwrap_or("unknown")
        )
    };
    match outcome.status {
        // A conflict of versions: this one or a newer one is there.
        Some(200 | 201 | 409) => Verdict::Delivered,
        Some(429 | 500..) | None => Verdict::Retry(reason()),
        Some(status) => Verdict::DeadLetter(format!("{status} {}", reason())),
    }
}

#[cfg(test)]
mod tests {
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
}
