//! Holds requests and replies against the stored OpenAPI document: what a client generated from it could not send or
//! read fails the test that met it, wherever it was.

use crate::client::Reply;
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::OnceLock;

const DOCUMENT: &str = include_str!("../../contract/openapi.json");
const METHODS: [&str; 3] = ["get", "post", "put"];

/// What the document says of one route.
#[derive(Debug)]
pub struct Operation {
    pub id: String,
    /// In capitals.
    pub method: String,
    /// With parameters in braces.
    pub path: String,
    request: Option<Request>,
    /// By status, or `default`.
    replies: BTreeMap<String, Described>,
}

#[derive(Debug)]
struct Request {
    required: bool,
    schema: Validator,
}

#[derive(Debug)]
struct Described {
    headers: Vec<String>,
    schema: Option<Validator>,
}

/// All operations of the document.
pub fn operations() -> &'static [Operation] {
    static OPERATIONS: OnceLock<Vec<Operation>> = OnceLock::new();
    OPERATIONS.get_or_init(|| {
        let mut document: Value = serde_json::from_str(DOCUMENT).expect("a JSON document");
        let schemas = document["components"]["schemas"]
            .as_object_mut()
            .expect("schemas");
        // A schema that others are made of may not refuse what those add: who refers to it does.
        schemas.values_mut().for_each(parts);
        let components = document["components"].clone();
        let paths = document["paths"].as_object().expect("paths");
        let all = paths.iter().flat_map(|(path, item)| {
            let components = &components;
            METHODS.iter().filter_map(move |method| {
                item.get(method)
                    .map(|route| Operation::read(method, path, route, components))
            })
        });
        all.collect()
    })
}

/// Nothing but what a schema names may be there.
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

/// The same of all schemas inside one, but not of those that it is put together from.
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

fn content(described: &Value) -> Option<&Value> {
    described.pointer("/content/application~1json/schema")
}

impl Operation {
    fn read(method: &str, path: &str, route: &Value, components: &Value) -> Operation {
        let request = route.get("requestBody").map(|body| Request {
            required: body["required"] == true,
            // A request may say more than is read.
            schema: compiled(content(body).expect("a schema"), components),
        });
        let described = |reply: &Value| {
            let headers = reply["headers"].as_object().into_iter().flatten();
            let schema = content(reply).map(|schema| {
                let mut schema = schema.clone();
                strict(&mut schema);
                compiled(&schema, components)
            });
            Described {
                headers: headers.map(|(name, _)| name.clone()).collect(),
                schema,
            }
        };
        let replies = route["responses"].as_object().expect("responses");
        Operation {
            id: route["operationId"].as_str().expect("a name").to_owned(),
            method: method.to_uppercase(),
            path: path.to_owned(),
            request,
            replies: replies
                .iter()
                .map(|(status, reply)| (status.clone(), described(reply)))
                .collect(),
        }
    }

    /// Fixed segments of the path, where it has this shape.
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

    fn requested(&self, body: &str) -> Result<(), String> {
        match (&self.request, body) {
            (None, "") => Ok(()),
            (None, _) => Err("takes no body".to_owned()),
            (Some(request), "") if !request.required => Ok(()),
            (Some(request), body) => valid(&request.schema, body),
        }
    }

    fn replied(&self, reply: &Reply, headless: bool) -> Result<(), String> {
        let error = self.replies.get("default").filter(|_| reply.status >= 400);
        let described = self.replies.get(&reply.status.to_string()).or(error);
        let described = described.ok_or("this status is not in the document")?;
        let missing = |name: &&String| reply.header(name).is_none();
        if let Some(name) = described.headers.iter().find(missing) {
            return Err(format!("the header {name} is missing"));
        }
        match &described.schema {
            None if reply.text.is_empty() => Ok(()),
            None => Err("it has no body in the document".to_owned()),
            Some(_) if reply.header("content-type") != Some("application/json") => {
                Err(format!("its type is {:?}", reply.header("content-type")))
            }
            Some(_) if headless => Ok(()),
            Some(schema) => valid(schema, &reply.text),
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

/// What was asked of a platform, and what it answered.
///
/// # Panics
/// Where the document says otherwise; not an error, which a test that expects failures could swallow.
pub fn check(method: &str, path: &str, body: &str, reply: &Reply) {
    let (headless, asked) = match method {
        "HEAD" => (true, "GET"),
        method => (false, method),
    };
    let route = path.split_once('?').map_or(path, |(route, _)| route);
    // A slash at the end means nothing.
    let route = route.strip_suffix('/').unwrap_or(route);
    let named = operations()
        .iter()
        .filter(|operation| operation.method == asked)
        .filter_map(|operation| Some((operation.fits(route)?, operation)))
        .max_by_key(|(fixed, _)| *fixed);
    let wrong = match named {
        None if reply.status >= 400 => Ok(()),
        None => Err("this route is not in the document".to_owned()),
        Some((_, operation)) => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use ureq::http::{HeaderMap, HeaderValue};

    fn reply(status: u16, headers: &[(&'static str, &'static str)], body: &Value) -> Reply {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_static(value));
        }
        Reply {
            status,
            headers: map,
            body: body.clone(),
            text: body.to_string(),
        }
    }

    fn refused(method: &str, path: &str, body: &str, reply: Reply) -> String {
        let checked = std::panic::catch_unwind(|| check(method, path, body, &reply));
        let said = checked.expect_err("refused");
        *said.downcast::<String>().expect("a text")
    }

    #[test]
    fn what_the_document_does_not_say_is_noticed() {
        let json = [
            ("content-type", "application/json"),
            ("etag", "\"1\""),
            ("cache-control", "no-cache"),
        ];
        let product = |price: Value| {
            json!({"code": 10000, "id": "1", "name": "Tea", "image": null, "price": price, "stock": 1,
                "skus": [{"sku_id": "1", "stock": 1}], "status": "on_sale", "stock_mode": "redis", "updated_at": 1})
        };
        let good = product(json!(0.07));
        let path = "/api/v1/products/1";
        check("GET", path, "", &reply(200, &json, &good));
        let mut more = good.clone();
        more["colour"] = json!("green");
        let mut deeper = good.clone();
        deeper["skus"][0]["colour"] = json!("green");
        let mut less = good.clone();
        less.as_object_mut().unwrap().remove("name");
        for (body, word) in [
            (&more, "colour"),
            (&deeper, "/skus/0"),
            (&less, "name"),
            (&product(json!("0.07")), "/price"),
            (&product(json!(0.075)), "/price"),
        ] {
            let said = refused("GET", path, "", reply(200, &json, body));
            assert!(said.contains(word), "{said}");
        }
        let unnamed = refused("GET", path, "", reply(201, &json, &good));
        assert!(unnamed.contains("status"), "{unnamed}");
        let tagless = refused("GET", path, "", reply(200, &json[..1], &good));
        assert!(tagless.contains("header"), "{tagless}");
        let untyped = refused("GET", path, "", reply(200, &json[1..], &good));
        assert!(untyped.contains("type"), "{untyped}");
        let nowhere = refused("GET", "/api/v1/teas", "", reply(200, &json, &good));
        assert!(nowhere.contains("route"), "{nowhere}");
    }

    #[test]
    fn a_request_that_is_served_is_one_of_the_document() {
        let json = [("content-type", "application/json")];
        let done = reply(
            200,
            &json,
            &json!({"code": 10000, "success": true, "message": "done"}),
        );
        let path = "/v1/order/1/cancel";
        check("POST", path, "", &done);
        check("POST", path, r#"{"reason": "late"}"#, &done);
        let said = refused("POST", path, r#"{"reason": 1}"#, done);
        assert!(said.contains("/reason"), "{said}");
    }

    #[test]
    fn a_fixed_path_goes_before_a_parameter() {
        let fits = |path: &str| {
            let of = operations().iter().filter(|one| one.method == "GET");
            let best = of.filter_map(|one| Some((one.fits(path)?, &one.id)));
            best.max().map(|(_, id)| id.clone()).unwrap()
        };
        assert_eq!(fits("/v1/order/list"), "listOrders");
        assert_eq!(fits("/v1/order/1"), "getOrder");
    }
}
