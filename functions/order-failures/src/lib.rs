//! Messages that could not become orders: operators list them, read one, and ask for a retry at once. The relay
//! retries.

mod retry;
mod route;
mod row;

use contract::api::failure::{FailureReply, FailureStatus, Failures};
use contract::api::identity::IdText;
use contract::api::page::{Page, Parameters, at_least};
use contract::api::problem::Code;
use domain::Rejection;
use domain::limits::TOTAL_COUNT_MAX;
use guest::config::{Config, config};
use guest::mysql::{Db, Value};
use guest::{Call, Fault, Reply};
use route::Action;
use shop::list_budget::Budget;

guest::http_function!(answer);

async fn answer(call: Call) -> Result<Reply, Fault> {
    let segments = call.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match route::of(call.method(), &segments)? {
        Action::List => {
            let query = |name: &str| call.query(name);
            let (page, status) = (Page::parse(&query)?, status(&query)?);
            list(config().await?, status, page).await
        }
        Action::One(id) => {
            let id = number(id)?;
            let db = Db::at(&config().await?.inventory_url);
            reply(row::one(db, id).await?)
        }
        Action::Retry(id) => {
            let id = number(id)?;
            reply(retry::at_once(config().await?, id, &call.trace_id).await?)
        }
    }
}

fn reply(failure: contract::api::failure::FailureView) -> Result<Reply, Fault> {
    let code = Code::Success.number();
    Reply::of(200, &FailureReply { code, failure })
}

/// The id of a failure; other text names none.
fn number(text: &str) -> Result<u64, Rejection> {
    IdText(text.to_owned())
        .number()
        .ok_or_else(|| Rejection::UnknownFailure(text.chars().take(64).collect()))
}

fn status(query: &impl Parameters) -> Result<Option<FailureStatus>, Rejection> {
    match query.first("status").as_deref() {
        None | Some("all") => Ok(None),
        Some(text) => FailureStatus::from_name_or_code(text)
            .map(Some)
            .ok_or_else(|| Rejection::invalid("status", "is not a known status")),
    }
}

async fn list(config: &Config, status: Option<FailureStatus>, page: Page) -> Result<Reply, Fault> {
    let (condition, wanted) = match status {
        None => ("", vec![]),
        Some(status) => (" WHERE status = ?", vec![Value::Uint8(status.code())]),
    };
    let db = Db::at(&config.inventory_url);
    let budget = Budget::of_page();
    let failures = row::page(db, condition, wanted.clone(), page, &budget).await?;
    let total = row::count(db, condition, wanted).await?;
    let total = total.max(at_least(page.offset(), failures.len()));
    let list = Failures {
        code: Code::Success.number(),
        failures,
        total: total.min(TOTAL_COUNT_MAX),
        total_exact: total <= TOTAL_COUNT_MAX,
        page: page.number,
        page_size: page.size,
    };
    Reply::list(&list, budget.bytes())
}
