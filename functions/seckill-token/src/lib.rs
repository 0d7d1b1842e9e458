//! Flash sales: announced, listed, preheated, and the tokens without which nobody buys (docs/decisions/0004).
//! Tokens are decided in Redis alone; the rest is for operators and asks the inventory database.

mod activity;
mod announce;
mod list;
mod preheat;
mod route;
mod statement;
mod token;

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
        Action::Token => token::answer(call).await,
    }
}
