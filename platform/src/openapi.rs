//! Checks requests and replies against the stored OpenAPI document: whatever a client generated from it could not send
//! or read fails the test.

use crate::client::Reply;
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::OnceLock;

const DOCUMENT: &str = include_str!("../../contract/openapi.json");
const METHODS: [&str; 4] = ["get", "post", "put", "patch"];

/// The document's description of one route.
#[derive(Debug)]
pub struct Operation {
    pub id: String,
    /// In upper case.
    pub method: String,
    /// With parameters in braces.
    pub path: String,
    /// Those that may ask; none where everybody may.
    roles: Vec<String>,
    request: Option<Request>,
    /// By status.
    replies: BTreeMap<String, Described>,
}

#[derive(Debug)]
struct Request {
    required: bool,
    schema: Validator,
}

#[derive(Debug)]
struct Described {
    /// Those that every such reply has.
    headers: Vec<String>,
    /// Those that it may have, in lower case.
    known: Vec<String>,
    /// By media type; none where there is no body.
    schemas: BTreeMap<String, (Value, Validator)>,
    /// The codes of an error.
    codes: Vec<u64>,
}

/// Headers that replies have without being described: those of HTTP itself.
const OF_HTTP: [&str; 7] = [
    "accept-ranges",
    "allow",
    "connection",
    "content-length",
    "content-type",
    "date",
    "vary",
];

/// A reply with a JSON body that matches the document.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The name of the operation.
    pub operation: &'a str,
    pub status: u16,
    pub media: &'a str,
    /// Refers to [`components`].
    pub schema: &'a Value,
    pub body: &'a Value,
    /// As it was sent.
    pub text: &'a str,
}

type Watcher = Box<dyn Fn(&Seen<'_>) -> Result<(), String> + Send + Sync>;

static WATCHER: OnceLock<Watcher> = OnceLock::new();

/// Shows each reply to `watcher` from now on; what it says is wrong with one fails the test that got it.
pub fn watch(watcher: impl Fn(&Seen<'_>) -> Result<(), String> + Send + Sync + 'static) {
    // The first watcher stays.
    let _ = WATCHER.set(Box::new(watcher));
}

/// The document's components, whose schemas forbid what they do not name.
pub fn components() -> &'static Value {
    &document()["components"]
}

fn document() -> &'static Value {
    static DOCUMENT_READ: OnceLock<Value> = OnceLock::new();
    DOCUMENT_READ.get_or_init(|| {
        let mut document: Value = serde_json::from_str(DOCUMENT).expect("a JSON document");
        let schemas = document["components"]["schemas"]
            .as_object_mut()
            .expect("schemas");
        // A schema that others are composed of may not refuse what those add; the schema that refers to it does.
        schemas.values_mut().for_each(parts);
        document
    })
}

/// All operations of the document.
pub fn operations() -> &'static [Operation] {
    static OPERATIONS: OnceLock<Vec<Operation>> = OnceLock::new();
    OPERATIONS.get_or_init(|| {
        let document = document();
        let paths = document["paths"].as_object().expect("paths");
        let all = paths.iter().flat_map(|(path, item)| {
            METHODS.iter().filter_map(move |method| {
                item.get(method)
                    .map(|route| Operation::read(method, path, route, document))
            })
        });
        all.collect()
    })
}

/// Forbids fields that a schema does not name.
fn strict(schema: &mut Value) {
    parts(schema);
    if let Some(fields) = schema.as_object_mut()
        && ["$ref", "properties", "allOf"]
            .iter()
            .any(|word| fields.contains_key(*word))
    {
        fields.insert("unevaluatedProperties".to_owned(), json!(false));
    }
}

/// Does the same for all schemas inside one, but not for those that it is composed of.
fn parts(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    for (word, value) in fields {
        match (word.as_str(), value) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(strict),
            ("oneOf" | "anyOf", Value::Array(schemas)) => schemas.iter_mut().for_each(strict),
            ("allOf", Value::Array(schemas)) => schemas.iter_mut().for_each(parts),
            ("items" | "additionalProperties", schema) => strict(schema),
            _ => {}
        }
    }
}

/// A validator of a schema that refers to the document's components.
fn compiled(schema: &Value, components: &Value) -> Validator {
    let mut root = schema.clone();
    let fields: &mut Map<String, Value> = root.as_object_mut().expect("a schema");
    fields.insert("components".to_owned(), components.clone());
    jsonschema::draft202012::new(&root).expect("a schema of JSON Schema 2020-12")
}

/// What a reference leads to, or the value itself.
fn followed<'a>(value: &'a Value, document: &'a Value) -> &'a Value {
    let Some(reference) = value["$ref"].as_str() else {
        return value;
    };
    let there = document.pointer(reference.trim_start_matches('#'));
    there.unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

fn content(described: &Value) -> Option<&Value> {
    described.pointer("/content/application~1json/schema")
}

impl Operation {
    /// The statuses of success that it may be answered with.
    pub fn successes(&self) -> impl Iterator<Item = u16> {
        let statuses = self.replies.keys().filter_map(|status| status.parse().ok());
        statuses.filter(|status| *status < 400)
    }

    fn read(method: &str, path: &str, route: &Value, document: &Value) -> Operation {
        let components = &document["components"];
        let request = route.get("requestBody").map(|body| Request {
            required: body["required"] == true,
            // A request may have fields that are not read.
            schema: compiled(content(body).expect("a schema"), components),
        });
        let described = |reply: &Value| {
            let reply = followed(reply, document);
            let headers = reply["headers"].as_object().into_iter().flatten();
            let always = |header: &Value| followed(header, document)["required"] == true;
            let contents = reply["content"].as_object().into_iter().flatten();
            let schemas = contents.map(|(media, content)| {
                let mut schema = content["schema"].clone();
                strict(&mut schema);
                let validator = compiled(&schema, components);
                (media.clone(), (schema, validator))
            });
            let codes = reply["x-codes"].as_array().into_iter().flatten();
            Described {
                headers: headers
                    .clone()
                    .filter(|(_, header)| always(header))
                    .map(|(name, _)| name.clone())
                    .collect(),
                known: headers.map(|(name, _)| name.to_ascii_lowercase()).collect(),
                schemas: schemas.collect(),
                codes: codes.filter_map(Value::as_u64).collect(),
            }
        };
        let replies = route["responses"].as_object().expect("responses");
        // The first way to be known, whichever it is.
        let ways = route["security"][0].as_object().into_iter().flatten();
        let roles = ways.filter_map(|(_, roles)| roles.as_array()).flatten();
        Operation {
            id: route["operationId"].as_str().expect("a name").to_owned(),
            method: method.to_uppercase(),
            path: path.to_owned(),
            roles: roles
                .filter_map(|role| role.as_str().map(str::to_owned))
                .collect(),
            request,
            replies: replies
                .iter()
                .map(|(status, reply)| (status.clone(), described(reply)))
                .collect(),
        }
    }

    /// The number of fixed segments of the route, where `path` has its shape.
    fn fits(&self, path: &str) -> Option<usize> {
        let (own, asked) = (self.path.split('/'), path.split('/'));
        if own.clone().count() != asked.clone().count() {
            return None;
        }
        own.zip(asked).try_fold(0, |fixed, (own, asked)| {
            match (own.starts_with('{'), own == asked) {
                (true, _) => (!asked.is_empty()).then_some(fixed),
                (false, true) => Some(fixed + 1),
                (false, false) => None,
            }
        })
    }

    fn show(&self, reply: &Reply, media: &str, schema: &Value) -> Result<(), String> {
        let Some(watcher) = WATCHER.get() else {
            return Ok(());
        };
        watcher(&Seen {
            operation: &self.id,
            status: reply.status,
            media,
            schema,
            body: &reply.body,
            text: &reply.text,
        })
    }

    fn requested(&self, body: &str) -> Result<(), String> {
        match (&self.request, body) {
            (None, "") => Ok(()),
            (None, _) => Err("takes no body".to_owned()),
            (Some(request), "") if !request.required => Ok(()),
            (Some(request), body) => valid(&request.schema, body),
        }
    }

    fn replied(&self, reply: &Reply, headless: bool) -> Result<(), String> {
        let described = self.replies.get(&reply.status.to_string());
        let described = described.ok_or("this status is not in the document")?;
        let missing = |name: &&String| reply.header(name).is_none();
        if let Some(name) = described.headers.iter().find(missing) {
            return Err(format!("the header {name} is missing"));
        }
        let known = |name: &str| {
            OF_HTTP.contains(&name) || described.known.iter().any(|known| known == name)
        };
        if let Some(name) = reply.headers.keys().find(|name| !known(name.as_str())) {
            return Err(format!("the header {name} is not in the document"));
        }
        if let Some(code) = reply.body["code"].as_u64().filter(|code| *code > 10_000)
            && !described.codes.is_empty()
            && !described.codes.contains(&code)
        {
            return Err(format!("the code {code} is not in the document"));
        }
        let media = reply.header("content-type");
        match media.and_then(|media| described.schemas.get(media)) {
            None if described.schemas.is_empty() && reply.text.is_empty() => Ok(()),
            None => Err(format!("the document has no body of type {media:?}")),
            Some(_) if headless || !media.is_some_and(|media| media.ends_with("json")) => Ok(()),
            Some((schema, validator)) => {
                valid(validator, &reply.text)?;
                self.show(reply, media.unwrap_or_default(), schema)
            }
        }
    }
}

fn valid(schema: &Validator, text: &str) -> Result<(), String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let wrong: Vec<String> = schema
        .iter_errors(&value)
        .map(|error| format!("at {:?}: {error}", error.instance_path().to_string()))
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(wrong.join("; "))
}

/// Checks a request to a platform, and its reply.
///
/// # Panics
/// Where they do not match the document. No error, as a test that expects failures could ignore it.
pub fn check(method: &str, path: &str, body: &str, reply: &Reply) {
    let (headless, asked) = match method {
        "HEAD" => (true, "GET"),
        // Answered for every path in one way, which is no part of the document.
        "OPTIONS" => return,
        method => (false, method),
    };
    let wrong = match operation(asked, path) {
        None if reply.status >= 400 => Ok(()),
        None => Err("this route is not in the document".to_owned()),
        Some(operation) => {
            let taken = match reply.status / 100 {
                2 => operation
                    .requested(body)
                    .map_err(|wrong| format!("of the request, {wrong}")),
                _ => Ok(()),
            };
            taken.and_then(|()| operation.replied(reply, headless))
        }
    };
    if let Err(wrong) = wrong {
        let Reply { status, text, .. } = reply;
        panic!("against the OpenAPI document, {method} {path} {body}\n{status} {text}\n{wrong}");
    }
}

/// The operation that a request asks for. The path decides which one is meant, whatever its methods are.
fn operation(method: &str, path: &str) -> Option<&'static Operation> {
    let route = path.split_once('?').map_or(path, |(route, _)| route);
    let closest = operations()
        .iter()
        .filter_map(|operation| operation.fits(route))
        .max()?;
    operations()
        .iter()
        .find(|operation| operation.method == method && operation.fits(route) == Some(closest))
}

/// A role that a request needs; `None` where a user may ask, or everybody.
pub fn role(method: &str, path: &str) -> Option<&'static str> {
    let read = if method == "HEAD" { "GET" } else { method };
    let roles = &operation(read, path)?.roles;
    let of_users = roles.iter().any(|role| role == "user");
    roles.first().filter(|_| !of_users).map(String::as_str)
}

#[cfg(test)]
mod tests;
