//! What values a parameter may have: as the functions read them, so that a client generated from the document sends
//! nothing that is refused for its form.

use super::text::USER_PATTERN;
use crate::api::failure::FailureStatus;
use crate::api::page::MOMENTS;
use crate::api::product::{PRODUCT_ID_MAX, SaleStatus};
use crate::api::route::parameter::{Parameter, Place, Values};
use domain::Status;
use domain::id::SALE_SKU_BIT;
use domain::limits::{
    IDEMPOTENCY_KEY_CHARS_MAX, PAGE_DEPTH_MAX, PAGE_SIZE_MAX, PRODUCT_NAME_CHARS_MAX,
};
use domain::seckill::SeckillStatus;
use serde_json::{Value, json};

/// The parameter as the document shows it.
pub fn described(parameter: &Parameter) -> Value {
    let place = match parameter.place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
    };
    let schema = match (parameter.place, parameter.values) {
        // An empty one is refused: ignored, it would stand for everybody.
        (Place::Query, Values::User) => user(),
        (Place::Query, values) => or_empty(several(values)),
        (Place::Path | Place::Header, values) => several(values).remove(0),
    };
    json!({
        "name": parameter.name,
        "in": place,
        "required": parameter.place == Place::Path,
        "description": parameter.text,
        "schema": schema,
    })
}

fn several(values: Values) -> Vec<Value> {
    match values {
        Values::User => vec![user()],
        Values::Page => vec![whole(1, u64::from(PAGE_DEPTH_MAX))],
        Values::PageSize => vec![whole(1, u64::from(PAGE_SIZE_MAX))],
        Values::Product => vec![whole(1, PRODUCT_ID_MAX)],
        Values::Sku => vec![whole(0, SALE_SKU_BIT - 1)],
        Values::OrderStatus => named(&Status::ALL.map(Status::name)),
        Values::SaleStatus => named(&SaleStatus::ALL.map(SaleStatus::name)),
        Values::FlashSaleStatus => named(&SeckillStatus::ALL.map(SeckillStatus::name)),
        Values::FailureStatus => named(&FailureStatus::ALL.map(FailureStatus::name)),
        Values::Moment => vec![
            json!({"type": "string", "format": "date", "pattern": r"^(19[7-9]\d|[2-9]\d{3})-"}),
            whole(MOMENTS.start, MOMENTS.end - 1),
            whole(0, 0),
        ],
        Values::Products => vec![pattern(r"^[1-9]\d{0,14}(,[1-9]\d{0,14}){0,99}$")],
        Values::Search => vec![json!({"type": "string", "maxLength": PRODUCT_NAME_CHARS_MAX})],
        Values::Key => {
            // In quotes, or bare and without a comma.
            vec![pattern(&format!(
                r#"^("([ !#-\[\]-~]|\\["\\]){{1,{IDEMPOTENCY_KEY_CHARS_MAX}}}"|[!#-+\--~]([ -+\--~]{{0,{}}}[!-+\--~])?)$"#,
                IDEMPOTENCY_KEY_CHARS_MAX - 2
            ))]
        }
        Values::OrderName | Values::FlashSale | Values::Failure | Values::File => {
            vec![json!({"type": "string", "minLength": 1})]
        }
        Values::Cursor | Values::Preference | Values::EntityTag => vec![json!({"type": "string"})],
    }
}

/// An empty value is no value.
fn or_empty(mut values: Vec<Value>) -> Value {
    values.push(json!({"type": "string", "maxLength": 0}));
    json!({ "anyOf": values })
}

fn whole(least: u64, most: u64) -> Value {
    json!({"type": "integer", "minimum": least, "maximum": most})
}

fn pattern(pattern: &str) -> Value {
    json!({"type": "string", "pattern": pattern})
}

fn user() -> Value {
    pattern(USER_PATTERN)
}

/// By name, or by number.
fn named(names: &[&str]) -> Vec<Value> {
    let codes = whole(0, names.len() as u64 - 1);
    let all = [names, &["all"]].concat();
    vec![json!({"type": "string", "enum": all}), codes]
}
