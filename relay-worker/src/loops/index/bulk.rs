//! Bulk requests: their body, and a verdict for each document sent, whatever the reply looks like.

use contract::wire::event::OrderDocument;
use serde::Deserialize;
use std::collections::HashMap;

/// Outcome of sending a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Indexed, or a newer version already is.
    Delivered,
    /// Not indexed as far as is known, for this reason; to be sent again.
    Retry(String),
    /// Refused for good, for this reason.
    DeadLetter(String),
}

/// Keeps the newest version of each order.
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

/// The body of a bulk request: two lines of JSON per document.
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

/// One verdict per document sent, in their order. What the reply does not answer for is sent again.
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
mod tests;
