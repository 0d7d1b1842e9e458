//! Tests of `asyncapi`.

use super::*;
use crate::wire::seckill_message::ForeignPurchase;

fn parsed() -> Value {
    serde_json::from_str(&document().unwrap()).unwrap()
}

#[test]
fn the_golden_copy_is_current() {
    assert!(
        document().unwrap() == include_str!("../../../asyncapi.json"),
        "the events changed; look at the difference that this makes:\n  \
         cargo run --profile quick -p contract --features openapi --example asyncapi > contract/asyncapi.json"
    );
}

#[test]
fn every_reference_leads_somewhere_and_stands_alone() {
    let document = parsed();
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            let pointer = target.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{target}");
            assert_eq!(value.as_object().unwrap().len(), 1, "{target}");
        }
        match value {
            Value::Object(fields) => open.extend(fields.values()),
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}

/// Examples are made by the code that makes the records, so none is missing.
#[test]
fn every_message_has_an_example() {
    for (id, message) in parsed()["components"]["messages"].as_object().unwrap() {
        assert_eq!(message["examples"].as_array().unwrap().len(), 1, "{id}");
    }
    let read = ForeignPurchase::parse(sample::FOREIGN.as_bytes()).unwrap();
    assert_eq!(read.seckill_id, "seckill_789");
}

#[test]
fn absent_fields_are_not_null() {
    let text = document().unwrap();
    let schemas = &parsed()["components"]["schemas"];
    assert_eq!(
        schemas["ItemDocument"]["properties"]["product_image"]["type"],
        "string"
    );
    assert!(
        schemas["OrderMessage"]["properties"]["from"]
            .get("oneOf")
            .is_none(),
        "{text}"
    );
}
