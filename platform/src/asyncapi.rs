//! Checks records of Kafka and messages of RabbitMQ against the stored AsyncAPI document: what a consumer that was made
//! from it could not read fails the test. The relay's tests compile this file too.

use jsonschema::Validator;
use serde_json::{Value, json};
use std::sync::OnceLock;

const DOCUMENT: &str = include_str!("../../contract/asyncapi.json");
/// The dialect of AsyncAPI's schemas.
const DRAFT_7: &str = "http://json-schema.org/draft-07/schema#";

/// A message as it was read.
#[derive(Clone, Copy, Debug)]
pub struct Read<'a> {
    /// `kafka` or `rabbitmq`.
    pub server: &'a str,
    /// The topic, the queue or the routing key, with any prefix.
    pub address: &'a str,
    /// Name and text.
    pub headers: &'a [(String, String)],
    pub value: &'a [u8],
}

/// What the document says of a message. Fields that it does not name are refused.
#[derive(Debug)]
pub struct Described {
    /// Its key in the document.
    pub id: String,
    /// Value of its header `event_type`; `None` where it needs none.
    kind: Option<String>,
    /// A whole schema of the headers, as an object; `None` where it needs none.
    pub headers: Option<Value>,
    /// A whole schema of the value.
    pub payload: Value,
    /// Server and address without a prefix, of each channel that has it.
    places: Vec<(String, String)>,
    validators: (Option<Validator>, Validator),
}

/// All messages of the document.
///
/// # Panics
/// Where the document is none.
pub fn messages() -> &'static [Described] {
    static MESSAGES: OnceLock<Vec<Described>> = OnceLock::new();
    MESSAGES.get_or_init(|| {
        let mut document: Value = serde_json::from_str(DOCUMENT).expect("a JSON document");
        let schemas = document["components"]["schemas"].as_object_mut();
        for schema in schemas.expect("schemas").values_mut() {
            if schema.get("properties").is_some() {
                schema["additionalProperties"] = json!(false);
            }
        }
        let messages = document["components"]["messages"].as_object();
        let described = |(id, message): (&String, &Value)| describe(&document, id, message);
        messages.expect("messages").iter().map(described).collect()
    })
}

fn describe(document: &Value, id: &str, message: &Value) -> Described {
    let whole = |schema: &Value| {
        let components = json!({ "schemas": document["components"]["schemas"] });
        json!({ "$schema": DRAFT_7, "allOf": [schema], "components": components })
    };
    let validator = |schema: &Value| {
        let options = jsonschema::options().should_validate_formats(true);
        options.build(schema).expect("a schema of draft 7")
    };
    let headers = message.get("headers").map(whole);
    let payload = whole(&message["payload"]);
    let validators = (headers.as_ref().map(validator), validator(&payload));
    let kind = message["headers"].pointer("/allOf/1/properties/event_type/const");
    Described {
        id: id.to_owned(),
        kind: kind.and_then(Value::as_str).map(str::to_owned),
        headers,
        payload,
        places: places(document, id),
        validators,
    }
}

fn places(document: &Value, id: &str) -> Vec<(String, String)> {
    let channels = document["channels"].as_object().expect("channels");
    let its = channels
        .values()
        .filter(|channel| channel["messages"].get(id).is_some());
    let place = |channel: &Value| {
        let address = channel["address"].as_str()?.strip_prefix("{prefix}")?;
        let server = channel["servers"][0]["$ref"].as_str()?;
        Some((
            server.strip_prefix("#/servers/")?.to_owned(),
            address.to_owned(),
        ))
    };
    its.map(|channel| place(channel).expect("an address"))
        .collect()
}

/// Checks a message that this platform has sent.
///
/// # Panics
/// Where it does not match the document. No error, as a test that expects failures could ignore it.
pub fn check(read: Read<'_>) -> &'static Described {
    let text = String::from_utf8_lossy(read.value);
    let at = read.address;
    let found = find(read)
        .unwrap_or_else(|| panic!("{at}: {:?} is not in the document: {text}", read.headers));
    let value = || {
        serde_json::from_slice(read.value).unwrap_or_else(|error| panic!("{at}: {error}: {text}"))
    };
    let (headers, payload) = &found.validators;
    if let Some(headers) = headers {
        valid(
            headers,
            &object(read.headers),
            &format!("headers of {} in {at}", found.id),
        );
    }
    if found.kind.is_some() {
        valid(payload, &value(), &format!("value of {} in {at}", found.id));
    }
    found
}

/// Headers as a JSON object.
pub fn object(headers: &[(String, String)]) -> Value {
    let fields = headers
        .iter()
        .map(|(name, text)| (name.clone(), json!(text)));
    Value::Object(fields.collect())
}

fn find(read: Read<'_>) -> Option<&'static Described> {
    let kind = read.headers.iter().find(|(name, _)| name == "event_type");
    let kind = kind.map(|(_, kind)| kind.as_str());
    let has_place = |message: &&Described| {
        let fits = |(server, address): &(String, String)| {
            server == read.server && read.address.ends_with(address.as_str())
        };
        message.places.iter().any(fits)
    };
    let mut there = messages().iter().filter(has_place);
    there.find(|message| message.kind.as_deref() == kind)
}

fn valid(validator: &Validator, value: &Value, what: &str) {
    let wrong: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("at {:?}: {error}", error.instance_path().to_string()))
        .collect();
    assert!(
        wrong.is_empty(),
        "against the AsyncAPI document, {what}: {}\n{value}",
        wrong.join("; ")
    );
}
