//! Flash sales as operators see them: announced, listed, preheated (docs/decisions/0004). What is asked of each is
//! asked of the inventory database; Redis learns what tokens and purchases go by.

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
