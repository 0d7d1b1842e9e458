//! What values a parameter may have: as the functions read them, so that a client generated from the document sends
//! nothing that is refused for its form.

use super::routes::Route;
use crate::api::failure::FailureStatus;
use crate::api::product::{PRODUCT_ID_MAX, SaleStatus};
use domain::Status;
use domain::limits::{
    IDEMPOTENCY_KEY_CHARS_MAX, PAGE_DEPTH_MAX, PAGE_SIZE_MAX, PRODUCT_NAME_CHARS_MAX,
};
use domain::seckill::SeckillStatus;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};

/// The schema of a parameter of `route`, by its name.
pub fn schema(route: &Route, name: &str) -> RefOr<Schema> {
    match name {
        "page" => whole(1, u64::from(PAGE_DEPTH_MAX)),
        "page_size" => whole(1, u64::from(PAGE_SIZE_MAX)),
        "product_id" | "id" if name == "product_id" || names_product(route) => {
            whole(1, PRODUCT_ID_MAX)
        }
        "user_id" => user(),
        "id" if route.path.starts_with("/api/v1/users/") => user(),
        "id" => ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .into(),
        "status" => one_of(statuses(route)),
        "from" | "to" | "date" => moment(),
        "order_no" => pattern(r"^[1-9]\d{0,17}$"),
        "ids" => pattern(r"^[1-9]\d{0,14}(,[1-9]\d{0,14}){0,99}$"),
        "search" => ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(PRODUCT_NAME_CHARS_MAX))
            .into(),
        "Idempotency-Key" => pattern(&format!("^[!#-+\\--~]{{1,{IDEMPOTENCY_KEY_CHARS_MAX}}}$")),
        _ => ObjectBuilder::new().schema_type(Type::String).into(),
    }
}

fn names_product(route: &Route) -> bool {
    ["/api/v1/products/", "/products/", "/v1/inventory/"]
        .iter()
        .any(|below| route.path.starts_with(below))
}

fn whole(least: u64, most: u64) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(least))
        .maximum(Some(most))
        .into()
}

fn pattern(pattern: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .into()
}

/// A number, `user_` and a number, or a name that is no number.
fn user() -> RefOr<Schema> {
    pattern(r"^((user_)?[1-9]\d{0,17}|[A-Za-z][A-Za-z._@-]{0,63})$")
}

fn one_of(names: Vec<&'static str>) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(names))
        .into()
}

fn statuses(route: &Route) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = if route.path.contains("/seckill/") {
        SeckillStatus::ALL.map(SeckillStatus::name).to_vec()
    } else if route.path.ends_with("products") {
        SaleStatus::ALL.map(SaleStatus::name).to_vec()
    } else if route.path.ends_with("failures") {
        FailureStatus::ALL.map(FailureStatus::name).to_vec()
    } else {
        Status::ALL.map(Status::name).to_vec()
    };
    names.push("all");
    names
}

/// A date, or milliseconds.
fn moment() -> RefOr<Schema> {
    let date = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)));
    let ms = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(100_000_000_000u64))
        .maximum(Some(253_402_300_799_999u64));
    AnyOfBuilder::new().item(date).item(ms).into()
}
