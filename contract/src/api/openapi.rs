//! The OpenAPI 3.1 document, made from the table of routes and the types of this crate. `contract/openapi.json` is its
//! golden copy: it is served, and clients are generated from it.

mod failure;
mod parameter;
mod response;
mod text;

use crate::api::route::access::Access;
use crate::api::route::{Body, ROUTES, Route, TAGS};
use crate::api::{failure as failures, health, login, order, product, seckill, stats};
use domain::Role;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

pub use text::{
    AddressText, AmountText, KeyText, MomentText, OrderText, ProductText, SaleStatusText, SkuText,
    StatusText, StockModeText, UserText,
};

const DESCRIPTION: &str = "Orders and flash sales that are never lost, doubled or oversold.

**Values.** Ids are strings in replies, and strings or numbers in requests. Amounts are numbers with two decimals. Times \
are milliseconds since 1970, UTC, except below `/orders`, where they are RFC 3339.

**Errors.** An error says in `code` what is wrong: match on that. Where `Accept` names `application/problem+json` it is a \
problem details object (RFC 9457), else it has the form that its route shows here. Where a repeat may help, \
`Retry-After` says when.

**Methods and paths.** Every path that takes `GET` takes `HEAD`, and every path takes `OPTIONS`, answered with 204 and \
the methods in `Allow`. Another method is answered with 405 and the same header, and a path that does not exist with \
404. A path has one spelling: with a slash at its end, two slashes or dot segments it is another path. Names of query \
parameters may be written in snake or camel case; one parameter with two values is refused with 400.

**Web pages.** Pages of the origins that the operator allows may call everything from a browser; a change that another \
page asks for is refused with 403. `OPTIONS` answers a preflight.

**Tracing.** A request may have a `traceparent` (W3C); its trace id is in errors and in the logs.

**Callers.** An access token (`Authorization: Bearer`) says who calls: a user or a member of the staff, whose roles are \
`admin` and `ops`. An operation that is not everybody's lists the roles that may ask for it. A user sees and changes its \
own orders alone: another's are answered as unknown, and naming another user is refused with 403. Staff may name any \
user. Who logs in gets an access token and a refresh token, with which the next access token is asked for.

**Machines.** A service has no token: it signs each request (`Authorization: HMAC-SHA256`) with a key that the operator \
gave it, which has the role `admin`, `ops` or `provider`. A payment provider may report payments, and nothing else.";

/// Name of the scheme of access tokens.
const ACCESS_TOKEN: &str = "accessToken";
/// Name of the scheme of signatures.
const SIGNATURE: &str = "signature";
const SIGNATURE_TEXT: &str = "`HMAC-SHA256 key=NAME, time=SECONDS, nonce=TEXT, signature=BASE64URL`: of a request by a \
machine, over eight lines joined by line feeds: `flashorder-hmac-sha256`, the key's name, the method (`GET` for `HEAD`), \
the path, the query (parameters percent-encoded anew, then sorted by name and value), the SHA-256 of the body in \
hexadecimal, the time in seconds since 1970 (within 300 of the server's), and the nonce (16 to 64 visible ASCII \
characters without comma, quote and backslash), which is used once. The base64url of the key and of the signature has \
no padding.";

/// Collects the schemas, with those that they refer to.
#[derive(OpenApi)]
#[openapi(components(schemas(
    order::create::CreateOrderRequest,
    order::CancelRequest,
    order::PayRequest,
    order::StatusRequest,
    order::Cancelled,
    order::PaymentAsked,
    order::Created<'_>,
    order::OrderReply,
    order::Orders,
    order::ApiOrder,
    order::ApiOrders,
    order::Envelope<order::EnvelopeOrder>,
    order::Envelope<order::EnvelopeOrders>,
    order::Envelope<product::ProductView>,
    order::Envelope<product::EnvelopeProducts>,
    order::Envelope<product::EnvelopeStock>,
    order::Envelope<Vec<product::ProductView>>,
    product::CreateProductRequest,
    product::PatchProductRequest,
    product::StockChangeRequest,
    product::StockChangeReply,
    product::StockChanges,
    product::ProductReply,
    product::Products,
    product::StockReply,
    product::StockMap,
    seckill::CreateSeckillRequest,
    seckill::SeckillReply,
    seckill::Seckills,
    seckill::PreheatRequest,
    seckill::Preheated,
    seckill::TokenRequest,
    seckill::TokenReply,
    seckill::BuyRequest,
    seckill::Queued,
    failures::FailureReply,
    failures::Failures,
    stats::DayStats,
    stats::Dashboard,
    stats::UserStats,
    health::Health,
    login::LoginRequest,
    login::RegisterRequest,
    login::RefreshRequest,
    login::LoggedIn,
    login::LoggedOut,
    failure::EnvelopeFailure,
    failure::ProblemBody,
    failure::ProblemDetails,
)))]
struct Schemas;

/// Names of the schemas that are made of others, which would be long in clients.
const ENVELOPES: [(&str, &str); 6] = [
    ("Envelope_EnvelopeOrder", "EnvelopedOrder"),
    ("Envelope_EnvelopeOrders", "EnvelopedOrders"),
    ("Envelope_EnvelopeProducts", "EnvelopedProducts"),
    ("Envelope_EnvelopeStock", "EnvelopedStock"),
    ("Envelope_ProductView", "EnvelopedProduct"),
    ("Envelope_Vec_ProductView", "EnvelopedProductList"),
];

/// The document, its parts in the order in which people read them.
#[derive(Serialize)]
struct Document {
    openapi: &'static str,
    info: Value,
    servers: Value,
    tags: Value,
    paths: Paths,
    components: Value,
}

/// In the order of the table.
struct Paths(Vec<(&'static str, Map<String, Value>)>);

impl Serialize for Paths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(path, item)| (path, item)))
    }
}

/// The document as pretty JSON with a final newline.
///
/// # Errors
/// Where it cannot be serialized.
pub fn document() -> serde_json::Result<String> {
    let mut collected = Schemas::openapi().components.unwrap_or_default().schemas;
    for (made, name) in ENVELOPES {
        if let Some(schema) = collected.remove(made) {
            collected.insert(name.to_owned(), schema);
        }
    }
    let schemas = serde_json::to_value(collected)?;
    let tags = TAGS.map(|tag| json!({"name": tag.name, "description": tag.description}));
    let document = Document {
        openapi: "3.1.0",
        info: json!({
            "title": "Flashorder",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
        }),
        // Wherever the document was read from.
        servers: json!([{"url": "/"}]),
        tags: json!(tags),
        paths: paths()?,
        components: json!({
            "headers": response::headers(),
            "responses": response::components(),
            "schemas": schemas,
            "securitySchemes": {
                ACCESS_TOKEN: {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "Not asked for in mode `compat`, where a token counts all the same.",
                },
                SIGNATURE: {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": SIGNATURE_TEXT,
                },
            },
        }),
    };
    serde_json::to_string_pretty(&document).map(|text| text + "\n")
}

fn paths() -> serde_json::Result<Paths> {
    let mut paths: Vec<(&str, Map<String, Value>)> = Vec::new();
    for route in &ROUTES {
        let method = route.method.to_ascii_lowercase();
        let operation = operation(route)?;
        match paths.iter_mut().find(|(path, _)| *path == route.path) {
            Some((_, item)) => {
                item.insert(method, operation);
            }
            None => paths.push((route.path, Map::from_iter([(method, operation)]))),
        }
    }
    Ok(Paths(paths))
}

fn operation(route: &Route) -> serde_json::Result<Value> {
    let mut operation = json!({
        "operationId": route.id,
        "tags": [route.tag],
        "summary": route.summary,
        "responses": response::of(route),
    });
    operation["security"] = security(route.access);
    if !route.description.is_empty() {
        operation["description"] = route.description.into();
    }
    if !route.parameters.is_empty() {
        let parameters = route.parameters.iter().map(parameter::described);
        operation["parameters"] = parameters.collect();
    }
    if let Some(body) = &route.body {
        operation["requestBody"] = request(body)?;
    }
    Ok(operation)
}

/// The ways to be known, one of which is needed, each with the roles that may ask by it.
fn security(access: Access) -> Value {
    let names = |roles: &[Role]| roles.iter().map(|role| role.name()).collect::<Vec<_>>();
    match access {
        Access::Anyone => json!([]),
        Access::Roles(roles) => {
            let machines = roles.iter().filter(|role| role.is_of_machines());
            let machines: Vec<Role> = machines.copied().collect();
            json!([{ ACCESS_TOKEN: names(roles) }, { SIGNATURE: names(&machines) }])
        }
        Access::Signed { machines, .. } => json!([{ SIGNATURE: names(machines) }]),
    }
}

fn request(body: &Body) -> serde_json::Result<Value> {
    let content = json!({
        "schema": {"$ref": format!("#/components/schemas/{}", body.schema)},
        "example": serde_json::from_str::<Value>(body.example)?,
    });
    let labels = body.media.iter();
    let contents: Map<String, Value> = labels
        .map(|media| ((*media).to_owned(), content.clone()))
        .collect();
    Ok(json!({"required": body.required, "content": contents}))
}

#[cfg(test)]
mod tests;
