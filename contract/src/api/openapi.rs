//! The OpenAPI 3.1 document: every route with its bodies, made from the types of this crate.
//! `contract/openapi.json` is its golden copy, from which clients are generated.

mod parameter;
mod routes;

use crate::api::amount::Amount;
use crate::api::identity::IdText;
use crate::api::{failure, health, order, product, seckill, stats};
use routes::{Body, ROUTES, Reply, Route};
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{
    Content, Header, HeaderBuilder, PathItem, PathsBuilder, Ref, RefOr, Required, ResponseBuilder,
};
use utoipa::{OpenApi, PartialSchema, ToSchema};

/// The media type of problem details.
const PROBLEM_DETAILS: &str = "application/problem+json";
/// Refusals that every unsafe request may get.
const REFUSED: [(&str, &str); 3] = [
    (
        "403",
        "A page of an origin that is not allowed asks for this, or the business rules forbid it.",
    ),
    ("413", "The body is over 64 KB."),
    (
        "415",
        "The body is not labelled as JSON, or it is compressed.",
    ),
];

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Flashorder",
        description = "Orders and flash sales. Ids are strings in replies and strings or numbers in requests; \
                       amounts are numbers with two decimals; times are milliseconds since the epoch, UTC, \
                       except on /orders, where they are RFC 3339. Every path answers HEAD where it answers GET, and \
                       OPTIONS with its methods in `Allow`, as does 405. Names of query parameters may be written in \
                       snake or camel case; a parameter with several values is refused with 400, and so is a path in \
                       another spelling with 404, such as one with a slash at its end. Pages of the origins that the \
                       operator allows may call everything from a browser; an unsafe request of another page is \
                       refused with 403, code 10006."
    ),
    components(schemas(
        order::create::CreateOrderRequest,
        order::CancelRequest,
        order::PayRequest,
        order::StatusRequest,
        order::Cancelled,
        order::Created<'_>,
        routes::OrderReply,
        routes::EnvelopeFailure,
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
        failure::FailureReply,
        failure::Failures,
        stats::DayStats,
        stats::Dashboard,
        stats::UserStats,
        health::Health,
        routes::ProblemBody,
        routes::ProblemDetails,
    ))
)]
struct Document;

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Number)
            .description(Some("An amount of money with two decimals."))
            .minimum(Some(0))
            .maximum(Some(99_999_999.99))
            .into()
    }
}

impl ToSchema for Amount {}

/// An amount as requests may spell it.
#[derive(Debug)]
pub struct AmountText;

impl PartialSchema for AmountText {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::Number, Type::String]))
            .description(Some(
                "An amount of money of whole cents, as a number or its text. What a client computed in doubles \
                 counts as the amount of cents it stands for: 299.96999999999997 is 299.97.",
            ))
            .minimum(Some(0))
            .maximum(Some(99_999_999.99))
            .pattern(Some(r"^\d+(\.\d+)?([eE][+-]?\d+)?$"))
            .into()
    }
}

impl ToSchema for AmountText {}

impl PartialSchema for IdText {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Integer]))
            .description(Some("An id, as a string or a number."))
            .into()
    }
}

impl ToSchema for IdText {
    fn name() -> std::borrow::Cow<'static, str> {
        "Id".into()
    }
}

/// The document as pretty JSON with a final newline.
///
/// # Errors
/// Where it cannot be serialized.
pub fn document() -> serde_json::Result<String> {
    let mut document = Document::openapi();
    document.paths = ROUTES
        .iter()
        .fold(PathsBuilder::new(), |paths, route| {
            paths.path(route.path, PathItem::new(method(route), operation(route)))
        })
        .build();
    document.to_pretty_json().map(|text| text + "\n")
}

fn method(route: &Route) -> HttpMethod {
    match route.method {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        _ => HttpMethod::Get,
    }
}

fn operation(route: &Route) -> Operation {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(route.id))
        .tag(route.tag)
        .summary(Some(route.summary))
        .parameters(Some(parameters(route)))
        .response(route.status.to_string(), successful(route))
        .response(
            "default",
            failure(route, "Why the request was refused or could not be served."),
        );
    for (status, text) in REFUSED.iter().filter(|_| route.method != "GET") {
        operation = operation.response(*status, failure(route, text));
    }
    if route.revalidates() {
        operation = operation.response("304", not_modified());
    }
    if let Some(text) = route.accepted {
        let accepted = Reply {
            text,
            ..route.reply
        };
        operation = operation.response("202", located(reply(accepted)));
    }
    if let Some(text) = route.unwell {
        let content = either(route.reply.schema, "ProblemBody");
        let mut unwell = described(text, content);
        let details = json("ProblemDetails").into();
        unwell.content.insert(PROBLEM_DETAILS.to_owned(), details);
        operation = operation.response("503", unwell);
    }
    if let Some(body) = &route.body {
        operation = operation.request_body(Some(request(body)));
    }
    operation.build()
}

fn json(schema: &str) -> Content {
    Content::new(Some(Ref::from_schema_name(schema)))
}

fn request(body: &Body) -> utoipa::openapi::request_body::RequestBody {
    let required = if body.required {
        Required::True
    } else {
        Required::False
    };
    RequestBodyBuilder::new()
        .content("application/json", json(body.schema))
        .required(Some(required))
        .build()
}

/// With validators where the reply may be cached, and `Location` where something is created.
fn successful(route: &Route) -> utoipa::openapi::Response {
    let mut response = reply(route.reply);
    if route.revalidates() {
        response.headers.extend(validators());
    }
    if route.makes() {
        response = located(response);
    }
    response
}

fn located(mut response: utoipa::openapi::Response) -> utoipa::openapi::Response {
    let location = header("Location", "Where to read it.");
    response.headers.extend([location]);
    response
}

fn not_modified() -> utoipa::openapi::Response {
    let text = "What `If-None-Match` names is still the reply.";
    let mut response = ResponseBuilder::new().description(text).build();
    response.headers.extend(validators());
    response
}

/// Headers of a reply that may be cached, and of its 304.
fn validators() -> [(String, RefOr<Header>); 2] {
    [
        header("ETag", "Changes with the reply."),
        header(
            "Cache-Control",
            "`no-cache`: to be shown again only where a 304 says so.",
        ),
    ]
}

fn header(name: &str, text: &str) -> (String, RefOr<Header>) {
    let schema = ObjectBuilder::new().schema_type(Type::String);
    let header = HeaderBuilder::new()
        .schema(Some(schema))
        .description(Some(text));
    (name.to_owned(), header.build().into())
}

fn reply(Reply { schema, text }: Reply) -> utoipa::openapi::Response {
    described(text, json(schema))
}

fn failure(route: &Route, text: &str) -> utoipa::openapi::Response {
    let schema = if route.enveloped() {
        "EnvelopeFailure"
    } else {
        "ProblemBody"
    };
    ResponseBuilder::new()
        .description(text)
        .content("application/json", json(schema))
        .content(PROBLEM_DETAILS, json("ProblemDetails"))
        .build()
}

fn either(one: &str, other: &str) -> Content {
    let schemas = AnyOfBuilder::new()
        .item(Ref::from_schema_name(one))
        .item(Ref::from_schema_name(other));
    Content::new(Some(schemas))
}

fn described(text: &str, content: Content) -> utoipa::openapi::Response {
    ResponseBuilder::new()
        .description(text)
        .content("application/json", content)
        .build()
}

/// Those of the path by their braces, then the route's own.
fn parameters(route: &Route) -> Vec<Parameter> {
    let named = route.path.split('/').filter_map(|segment| {
        segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
    });
    let in_path = named.map(|name| parameter(route, name, ParameterIn::Path, ""));
    let others = route.parameters.iter().map(|(name, text)| {
        let place = if matches!(*name, "Idempotency-Key" | "If-Match" | "Prefer") {
            ParameterIn::Header
        } else {
            ParameterIn::Query
        };
        parameter(route, name, place, text)
    });
    let known = route.revalidates().then(|| {
        let text = "An ETag; answered 304 where nothing has changed";
        parameter(route, "If-None-Match", ParameterIn::Header, text)
    });
    in_path.chain(others).chain(known).collect()
}

fn parameter(route: &Route, name: &str, place: ParameterIn, text: &str) -> Parameter {
    let required = match place {
        ParameterIn::Path => Required::True,
        _ => Required::False,
    };
    let schema = parameter::schema(route, name, &place);
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description((!text.is_empty()).then_some(text))
        .schema(Some(schema))
        .build()
}

#[cfg(test)]
mod tests;
