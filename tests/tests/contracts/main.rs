//! The AsyncAPI document against the standard's own schema, its examples and real messages against itself, by three
//! validators that know nothing of each other.
#![allow(clippy::unwrap_used)] // a failed unwrap in a test is a failed test

mod events;

use anyhow::{Result, ensure};
use platform::asyncapi::{Described, messages};
use serde_json::{Value, json};
use tests::validators::{Case, all_accept, asyncapi, verdicts};

const DOCUMENT: &str = include_str!("../../../contract/asyncapi.json");

#[test]
fn the_document_is_asyncapi() -> Result<()> {
    let document: Value = serde_json::from_str(DOCUMENT)?;
    let case = |texts: Vec<String>| Case {
        name: "the AsyncAPI document".to_owned(),
        schema: asyncapi().unwrap(),
        texts,
    };
    all_accept(&[case(vec![DOCUMENT.to_owned()])])?;
    let mut broken = [document.clone(), document.clone(), document];
    broken[0]["channels"]["stock"]["messages"] = json!([]);
    broken[1]["operations"]["sendStock"]["action"] = json!("publish");
    broken[2]["asyncapi"] = json!("2.6.0");
    let texts = broken.iter().map(Value::to_string).collect();
    for verdicts in verdicts(&[case(texts)])? {
        let refused = verdicts.wrong[0].iter().all(Option::is_some);
        ensure!(refused, "{} accepts what is broken", verdicts.validator);
    }
    Ok(())
}

fn cases(message: &Described, document: &Value) -> Vec<Case> {
    let example = &document["components"]["messages"][&message.id]["examples"][0];
    let case = |part: &str, schema: &Value| Case {
        name: format!("{part} of {}", message.id),
        schema: schema.clone(),
        texts: vec![example[part].to_string()],
    };
    let headers = message
        .headers
        .as_ref()
        .map(|schema| case("headers", schema));
    headers
        .into_iter()
        .chain([case("payload", &message.payload)])
        .collect()
}

#[test]
fn every_example_is_what_it_describes() -> Result<()> {
    let document: Value = serde_json::from_str(DOCUMENT)?;
    let cases: Vec<Case> = messages()
        .iter()
        .flat_map(|message| cases(message, &document))
        .collect();
    ensure!(cases.len() > 12, "{} examples", cases.len());
    all_accept(&cases)
}
