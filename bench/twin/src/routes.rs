//! The manifest's routes in axum, each to its component's function.

use crate::functions as f;
use crate::limits;
use crate::manifest::Manifest;
use crate::serve::{Permit, busy, empty};
use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{MethodRouter, any, get};
use bytes::Bytes;
use guest::Reply;
use guest::host::http::WholeRequest;
use http::{HeaderName, HeaderValue, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::borrow::Cow;
use std::collections::BTreeMap;
use tokio::time::timeout;

/// All routes.
///
/// # Errors
/// Where a component is not one of the functions.
pub fn router(manifest: &Manifest) -> Result<Router> {
    let mut by_path = BTreeMap::new();
    // A wildcard of Spin also matches its own root, unless another route does.
    for only_wildcards in [false, true] {
        for (route, component) in &manifest.routes {
            let root = route.strip_suffix("/...");
            if root.is_some() != only_wildcards {
                continue;
            }
            for path in paths(root.unwrap_or(route), root.is_some()) {
                by_path.entry(path).or_insert(component);
            }
        }
    }
    let mut router = Router::new().route("/noop", get(async || "ok"));
    for (path, component) in by_path {
        let function =
            function(component).with_context(|| format!("{component:?} is no function"))?;
        router = router.route(&path, function);
    }
    Ok(router)
}

/// A route in axum's syntax; to Spin, a slash at the end makes no difference.
fn paths(route: &str, is_wildcard: bool) -> Vec<String> {
    let segments = route.trim_matches('/').split('/');
    let path: String = segments
        .map(|segment| match segment.strip_prefix(':') {
            Some(name) => format!("/{{{name}}}"),
            None => format!("/{segment}"),
        })
        .collect();
    let mut paths = vec![path.clone(), format!("{path}/")];
    if is_wildcard {
        paths.push(format!("{path}/{{*rest}}"));
    }
    paths
}

fn function(component: &str) -> Option<MethodRouter> {
    Some(match component {
        "api-docs" => serving(f::api_docs::respond),
        "cancel-order" => serving(f::cancel_order::respond),
        "create-order" => serving(f::create_order::respond),
        "grpc-standard" => calling(f::grpc_standard::respond),
        "health" => serving(f::health::respond),
        "inventory-grpc" => calling(f::inventory_grpc::respond),
        "login" => serving(f::login::respond),
        "order-failures" => serving(f::order_failures::respond),
        "order-grpc" => calling(f::order_grpc::respond),
        "order-status" => serving(f::order_status::respond),
        "pay-order" => serving(f::pay_order::respond),
        "product-catalog" => serving(f::product_catalog::respond),
        "query-order" => serving(f::query_order::respond),
        "seckill-activities" => serving(f::seckill_activities::respond),
        "seckill-buy" => serving(f::seckill_buy::respond),
        "seckill-token" => serving(f::seckill_token::respond),
        "stats" => serving(f::stats::respond),
        _ => return None,
    })
}

fn serving<F, R>(respond: F) -> MethodRouter
where
    F: Fn(WholeRequest) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Reply> + Send + 'static,
{
    answering(respond, response)
}

fn calling<F, R>(respond: F) -> MethodRouter
where
    F: Fn(WholeRequest) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = grpc::Response> + Send + 'static,
{
    answering(respond, |reply| reply.map(Body::new))
}

fn answering<F, R, T>(respond: F, written: fn(T) -> Response) -> MethodRouter
where
    F: Fn(WholeRequest) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    any(move |request: Request| {
        let respond = respond.clone();
        async move {
            let Some(_permit) = Permit::of_request() else {
                return busy();
            };
            let (parts, body) = request.into_parts();
            let body = match whole(body).await {
                Ok(body) => body,
                Err(status) => return empty(status),
            };
            let request = http::Request::from_parts(parts, body);
            match timeout(limits::REQUEST_TIMEOUT, respond(request)).await {
                Ok(reply) => written(reply),
                Err(_) => empty(StatusCode::GATEWAY_TIMEOUT),
            }
        }
    })
}

async fn whole(body: Body) -> Result<Bytes, StatusCode> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let bytes_max = usize::try_from(limits::BODY_BYTES_MAX).unwrap_or(usize::MAX);
    let reading = Limited::new(body, bytes_max).collect();
    match timeout(limits::BODY_READ_TIMEOUT, reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

fn response(mut reply: Reply) -> Response {
    let head = reply.head(|name, value| {
        let value = match value {
            Cow::Borrowed(text) => Ok(HeaderValue::from_static(text)),
            Cow::Owned(text) => HeaderValue::try_from(text),
        };
        value.map(|value| (HeaderName::from_static(name), value))
    });
    let mut response = Response::new(Body::from(reply.body));
    let Ok(status) = StatusCode::from_u16(reply.status) else {
        return empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    *response.status_mut() = status;
    for header in head {
        let Ok((name, value)) = header else {
            return empty(StatusCode::INTERNAL_SERVER_ERROR);
        };
        response.headers_mut().append(name, value);
    }
    response
}
