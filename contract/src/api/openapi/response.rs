//! Replies and refusals as the document shows them.

use crate::api::problem::Code;
use crate::api::route::Route;
use crate::api::route::access::Access;
use crate::api::route::limited::Limited;
use crate::api::route::refusal::{
    BUSY, OF_ADDRESSES, OF_ALL, OF_BODIES, OF_CALLERS, OF_CHANGES, OF_HTTP, OF_METHODS, OF_PATHS,
    OF_USERS, Refusal,
};
use crate::api::route::reply::{
    self, ACCEPT_ENCODING, ALLOW, CHALLENGE, Content, Header, INVALIDATION, LIMIT, LIMIT_POLICY,
    MAY_RETRY_AFTER, RETRY_AFTER, Reply,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The media type of problem details.
const PROBLEM_DETAILS: &str = "application/problem+json";
const JSON: &str = "application/json";

/// All responses of a route, by status.
pub fn of(route: &Route) -> Value {
    let form = Form::of(route);
    let mut responses: BTreeMap<String, Value> = BTreeMap::new();
    for (status, refusals) in by_status(route) {
        let own = route.replies.iter().find(|reply| reply.status == status);
        let response = match (own, name(&refusals)) {
            (Some(reply), _) => either(successful(route, reply), &refused(status, &refusals, form)),
            (None, Some(name)) => {
                let name = form.named(name);
                json!({"$ref": format!("#/components/responses/{name}")})
            }
            (None, None) => refused(status, &refusals, form),
        };
        responses.insert(status.to_string(), response);
    }
    for reply in route.replies {
        let status = reply.status.to_string();
        let response = responses.entry(status);
        response.or_insert_with(|| successful(route, reply));
    }
    json!(responses)
}

/// The responses that many routes have, by name.
pub fn components() -> Value {
    let tables = [
        OF_ALL,
        OF_CALLERS,
        OF_CHANGES,
        OF_PATHS,
        OF_HTTP,
        OF_BODIES,
        &[OF_METHODS],
    ];
    let each = tables.into_iter().flatten();
    let named = each.filter_map(|refusal| Some((name(&[*refusal])?, refusal)));
    let both = named.flat_map(|(name, refusal)| {
        Form::ALL.map(|form| {
            let response = refused(refusal.status, &[*refusal], form);
            (form.named(name), response)
        })
    });
    both.collect::<Map<_, _>>().into()
}

/// The headers, by name.
pub fn headers() -> Value {
    let all = [
        reply::FILE,
        reply::PAGE,
        reply::CHECKED,
        reply::ACCEPTED,
        &reply::OF_ALL,
        &[
            RETRY_AFTER,
            MAY_RETRY_AFTER,
            ALLOW,
            ACCEPT_ENCODING,
            CHALLENGE,
            INVALIDATION,
        ],
    ];
    let described = all.into_iter().flatten().map(|header| {
        let described = json!({
            "description": header.text,
            "required": header.always,
            "schema": {"type": "string"},
            "example": header.example,
        });
        (component(header), described)
    });
    described.collect::<Map<_, _>>().into()
}

/// The form of errors on a route, for clients that do not ask for problem details.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    House,
    Envelope,
}

impl Form {
    const ALL: [Form; 2] = [Form::House, Form::Envelope];

    fn of(route: &Route) -> Form {
        let demo = ["/orders", "/products"];
        match demo.iter().any(|root| route.path.starts_with(root)) {
            true => Form::Envelope,
            false => Form::House,
        }
    }

    fn named(self, name: &str) -> String {
        match self {
            Form::House => name.to_owned(),
            Form::Envelope => format!("Envelope{name}"),
        }
    }

    fn schema(self) -> &'static str {
        match self {
            Form::House => "ProblemBody",
            Form::Envelope => "EnvelopeFailure",
        }
    }
}

/// The name of the response to one of the refusals that many routes have.
fn name(refusals: &[Refusal]) -> Option<&'static str> {
    let [refusal] = refusals else {
        return None;
    };
    Some(match (refusal.status, refusal.code) {
        (400, Code::BadParameter) => "BadRequest",
        (401, Code::Unauthorised) if refusal.text == OF_CALLERS[0].text => "Unauthorised",
        (403, Code::Forbidden) if refusal.text == OF_CALLERS[1].text => "Forbidden",
        (403, Code::Forbidden) => "ForeignOrigin",
        (404, Code::NotFound) if refusal.text == OF_PATHS[0].text => "NotFound",
        (405, _) => "MethodNotAllowed",
        (408, _) => "RequestTimeout",
        (413, _) => "ContentTooLarge",
        (414, _) => "UriTooLong",
        (415, _) => "UnsupportedMediaType",
        (417, _) => "ExpectationFailed",
        (429, _) if refusal.text == BUSY.text => "TooManyRequests",
        (431, _) => "HeadersTooLarge",
        (500, _) => "InternalError",
        (501, _) => "NotImplemented",
        (503, _) => "Unavailable",
        (505, _) => "HttpVersionNotSupported",
        (504, _) => "Timeout",
        _ => return None,
    })
}

fn by_status(route: &Route) -> BTreeMap<u16, Vec<Refusal>> {
    let own = [
        (true, OF_ALL),
        (true, OF_HTTP),
        (route.body.is_some(), OF_BODIES),
        (route.access != Access::Anyone, OF_CALLERS),
        (route.method != "GET", OF_CHANGES),
        (route.limited == Limited::ByUser, OF_USERS),
        (route.limited != Limited::No, OF_ADDRESSES),
        (route.path.contains('{'), OF_PATHS),
        (true, route.refusals),
    ];
    let all = own.into_iter().filter(|(has, _)| *has);
    let mut by_status: BTreeMap<u16, Vec<Refusal>> = BTreeMap::new();
    for refusal in all.flat_map(|(_, refusals)| refusals) {
        by_status.entry(refusal.status).or_default().push(*refusal);
    }
    by_status
}

fn refused(status: u16, refusals: &[Refusal], form: Form) -> Value {
    let mut codes: Vec<u32> = Vec::new();
    let mut lines = Vec::new();
    for refusal in refusals {
        let code = refusal.code.number();
        lines.push(format!("- `{code}`: {}", refusal.text));
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    let own = match status {
        401 => &[CHALLENGE][..],
        429 => &[RETRY_AFTER, LIMIT_POLICY, LIMIT],
        503 | 504 => &[RETRY_AFTER],
        409 => &[MAY_RETRY_AFTER],
        405 => &[ALLOW],
        415 => &[ACCEPT_ENCODING],
        _ => &[],
    };
    json!({
        "description": lines.join("\n"),
        "headers": references([reply::OF_ERRORS, own].concat()),
        "content": {
            JSON: {"schema": reference(form.schema())},
            PROBLEM_DETAILS: {"schema": reference("ProblemDetails")},
        },
        "x-codes": codes,
    })
}

fn successful(route: &Route, reply: &Reply) -> Value {
    let mut headers = reply.headers.to_vec();
    if route.method != "GET" {
        headers.push(INVALIDATION);
    }
    let mut response = json!({
        "description": reply.text,
        "headers": references(headers),
    });
    let content: Map<String, Value> = match reply.content {
        Content::Json(schema) => [(JSON.to_owned(), json!({"schema": reference(schema)}))]
            .into_iter()
            .collect(),
        Content::Document => [(JSON.to_owned(), json!({"schema": {"type": "object"}}))]
            .into_iter()
            .collect(),
        Content::Text(media) => media
            .iter()
            .map(|media| ((*media).to_owned(), json!({"schema": {"type": "string"}})))
            .collect(),
        Content::Nothing => return response,
    };
    response["content"] = content.into();
    response
}

/// A status that a route gives with a body of its own, and with that of an error.
fn either(mut own: Value, refused: &Value) -> Value {
    let schemas = [&own, refused].map(|response| response["content"][JSON]["schema"].clone());
    own["content"][JSON]["schema"] = json!({ "anyOf": schemas });
    own["content"][PROBLEM_DETAILS] = refused["content"][PROBLEM_DETAILS].clone();
    let texts =
        [&own, refused].map(|response| response["description"].as_str().unwrap_or_default());
    own["description"] = texts.join("\n").into();
    own["x-codes"] = refused["x-codes"].clone();
    own
}

fn references(headers: Vec<Header>) -> Value {
    let all = headers.iter().chain(&reply::OF_ALL);
    let each = all.map(|header| {
        let name = format!("#/components/headers/{}", component(header));
        (header.name.to_owned(), json!({ "$ref": name }))
    });
    each.collect::<Map<_, _>>().into()
}

/// A header's name among the components.
fn component(header: &Header) -> String {
    match (header.name, header.always) {
        ("Retry-After", false) => "May-Retry-After".to_owned(),
        (name, _) => name.to_owned(),
    }
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}
