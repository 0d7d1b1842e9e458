//! What values a parameter may have: as the functions read them, so that a client generated from the document sends
//! nothing that is refused for its form.

use super::routes::Route;
use crate::api::failure::FailureStatus;
use crate::api::page::MOMENTS;
use crate::api::product::{PRODUCT_ID_MAX, SaleStatus};
use domain::Status;
use domain::id::SALE_SKU_BIT;
use domain::limits::{
    IDEMPOTENCY_KEY_CHARS_MAX, PAGE_DEPTH_MAX, PAGE_SIZE_MAX, PRODUCT_NAME_CHARS_MAX,
};
use domain::seckill::SeckillStatus;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};

/// The schema of a parameter of `route`, by its name.
pub fn schema(route: &Route, name: &str, place: &ParameterIn) -> RefOr<Schema> {
    match (place, name) {
        (ParameterIn::Query, "user_id") => user().into(),
        (ParameterIn::Query, _) => or_empty(query(route, name)),
        (ParameterIn::Path, _) => in_path(route).into(),
        (_, "Idempotency-Key") => {
            pattern(&format!("^[!#-+\\--~]{{1,{IDEMPOTENCY_KEY_CHARS_MAX}}}$")).into()
        }
        _ => text().into(),
    }
}

fn query(route: &Route, name: &str) -> Vec<ObjectBuilder> {
    match name {
        "page" => vec![whole(1, u64::from(PAGE_DEPTH_MAX))],
        "page_size" => vec![whole(1, u64::from(PAGE_SIZE_MAX))],
        "product_id" => vec![whole(1, PRODUCT_ID_MAX)],
        "sku_id" => vec![whole(0, SALE_SKU_BIT - 1)],
        "status" => statuses(route),
        "from" | "to" | "date" => vec![
            text()
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
                .pattern(Some(r"^(19[7-9]\d|[2-9]\d{3})-")),
            whole(MOMENTS.start, MOMENTS.end - 1),
            whole(0, 0),
        ],
        "order_no" => vec![pattern(r"^[1-9]\d{0,17}$")],
        "ids" => vec![pattern(r"^[1-9]\d{0,14}(,[1-9]\d{0,14}){0,99}$")],
        "search" => vec![text().max_length(Some(PRODUCT_NAME_CHARS_MAX))],
        _ => vec![text()],
    }
}

/// The one parameter that paths have: an order, a user, a product, a flash sale or a failure.
fn in_path(route: &Route) -> ObjectBuilder {
    let below = |paths: &[&str]| paths.iter().any(|path| route.path.starts_with(path));
    if below(&["/api/v1/products/", "/products/", "/v1/inventory/"]) {
        whole(1, PRODUCT_ID_MAX)
    } else if below(&["/api/v1/users/"]) {
        user()
    } else {
        text().min_length(Some(1))
    }
}

/// An empty value is no value.
fn or_empty(values: Vec<ObjectBuilder>) -> RefOr<Schema> {
    let any = values
        .into_iter()
        .fold(AnyOfBuilder::new(), AnyOfBuilder::item);
    any.item(text().max_length(Some(0))).into()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn whole(least: u64, most: u64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(least))
        .maximum(Some(most))
}

fn pattern(pattern: &str) -> ObjectBuilder {
    text().pattern(Some(pattern))
}

/// A number, `user_` and a number, or a name that is no number.
fn user() -> ObjectBuilder {
    pattern(r"^((user_)?[1-9]\d{0,17}|[A-TV-Za-tv-z\u4e00-\u9fff][!-~\u4e00-\u9fff]{0,63})$")
}

/// By name, or by number.
fn statuses(route: &Route) -> Vec<ObjectBuilder> {
    let mut names: Vec<&'static str> = if route.path.contains("/seckill/") {
        SeckillStatus::ALL.map(SeckillStatus::name).to_vec()
    } else if route.path.ends_with("products") {
        SaleStatus::ALL.map(SaleStatus::name).to_vec()
    } else if route.path.ends_with("failures") {
        FailureStatus::ALL.map(FailureStatus::name).to_vec()
    } else {
        Status::ALL.map(Status::name).to_vec()
    };
    let codes = whole(0, names.len() as u64 - 1);
    names.push("all");
    vec![text().enum_values(Some(names)), codes]
}
