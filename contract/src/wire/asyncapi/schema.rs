//! Schemas of values and headers, made from the types; in the JSON Schema of draft 7, which AsyncAPI's own is.

use super::object;
use crate::api::openapi::AmountText;
use crate::wire::header::{DeadLetterHeaders, EventHeaders, in_amqp};
use crate::wire::message::{OrderMessage, StockMessage};
use crate::wire::seckill_message::{ForeignMessage, SeckillMessage};
use domain::{Status, StockMode};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Name of the headers' schema as RabbitMQ has them.
pub const AMQP_HEADERS: &str = "AmqpEventHeaders";

/// The name of an order's state.
#[derive(Debug)]
pub struct StatusName;

impl PartialSchema for StatusName {
    fn schema() -> RefOr<Schema> {
        names(
            "State of an order.",
            Status::ALL.iter().map(|status| status.name()),
        )
    }
}

impl ToSchema for StatusName {}

/// Where units are reserved first.
#[derive(Debug)]
pub struct StockModeName;

impl PartialSchema for StockModeName {
    fn schema() -> RefOr<Schema> {
        names(
            "Where units are reserved first: in Redis, or in the inventory's database.",
            StockMode::ALL.iter().map(|mode| mode.name()),
        )
    }
}

impl ToSchema for StockModeName {}

fn names(description: &str, names: impl Iterator<Item = &'static str>) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(names.collect::<Vec<_>>()))
        .into()
}

type Schemas = Vec<(String, RefOr<Schema>)>;

fn add<T: ToSchema>(schemas: &mut Schemas) {
    T::schemas(schemas);
    schemas.push((T::name().into_owned(), T::schema()));
}

/// Every schema by its name.
///
/// # Errors
/// Where one cannot be serialized.
pub fn all() -> serde_json::Result<Value> {
    let mut schemas = Schemas::new();
    add::<OrderMessage>(&mut schemas);
    add::<StockMessage>(&mut schemas);
    add::<SeckillMessage>(&mut schemas);
    add::<ForeignMessage>(&mut schemas);
    add::<AmountText>(&mut schemas);
    add::<EventHeaders>(&mut schemas);
    add::<DeadLetterHeaders>(&mut schemas);
    let mut named = BTreeMap::new();
    for (name, schema) in schemas {
        let mut schema = serde_json::to_value(schema)?;
        plain(&mut schema);
        named.insert(name, schema);
    }
    if let Some(headers) = named.get(&*EventHeaders::name()) {
        named.insert(AMQP_HEADERS.to_owned(), in_rabbitmq(headers));
    }
    Ok(object(named))
}

/// The headers under the names that AMQP's binding gives them.
fn in_rabbitmq(kafka: &Value) -> Value {
    let mut headers = kafka.clone();
    headers["description"] = json!(
        "Headers of what is published to RabbitMQ. The type of the body is the property `content_type`, the message \
         id also the property `message_id`."
    );
    if let Some(properties) = headers["properties"].as_object() {
        let renamed = properties
            .iter()
            .filter_map(|(name, schema)| Some((in_amqp(name)?.to_owned(), schema.clone())));
        headers["properties"] = object(renamed.collect::<Map<_, _>>());
    }
    if let Some(required) = headers["required"].as_array() {
        let renamed = required.iter().filter_map(|name| in_amqp(name.as_str()?));
        headers["required"] = renamed.collect();
    }
    headers
}

/// From OpenAPI's dialect to draft 7: nothing stands beside a `$ref`, and a field that may be absent is not null.
fn plain(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.len() > 1
                && let Some(target) = fields.remove("$ref")
            {
                fields.insert("allOf".to_owned(), json!([{ "$ref": target }]));
            }
            let required = fields.get("required").cloned().unwrap_or_default();
            if let Some(Value::Object(properties)) = fields.get_mut("properties") {
                let is_required = |name: &str| {
                    let names = required.as_array().into_iter().flatten();
                    names.into_iter().any(|one| one == name)
                };
                for (_, property) in properties.iter_mut().filter(|(name, _)| !is_required(name)) {
                    not_null(property);
                }
            }
            fields.values_mut().for_each(plain);
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

fn not_null(property: &mut Value) {
    if let Some([one, null]) = property["type"].as_array().map(Vec::as_slice)
        && null == "null"
    {
        property["type"] = one.clone();
    }
    let either = property["oneOf"].as_array().into_iter().flatten();
    let mut others = either.filter(|schema| schema["type"] != "null");
    if let (Some(one), None) = (others.next(), others.next()) {
        *property = one.clone();
    }
}
