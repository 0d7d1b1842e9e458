//! Flash sales for operators: announced, listed, preheated (docs/decisions/0004). Activities are rows of the inventory
//! database; preheating loads into Redis what tokens and purchases need.

mod activity;
mod announce;
mod list;
mod preheat;
mod route;
mod statement;

use guest::{Call, Fault, Reply};
use route::Action;

guest::http_function!(answer);

async fn answer(call: Call) -> Result<Reply, Fault> {
    let segments = call.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match route::of(call.method(), &segments)? {
        Action::Announce => announce::answer(call).await,
        Action::List => list::page(&call).await,
        Action::One(id) => list::one(&call, id).await,
        Action::Preheat => preheat::answer(call).await,
    }
}
