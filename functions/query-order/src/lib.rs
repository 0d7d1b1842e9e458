//! Reads of orders: one by any of its ids, the orders of a user, of everybody, and searches. One order comes from
//! Redis, else from its shard; lists are merged across shards.

mod reply;
mod route;
mod search;

use contract::api::page::Page;
use contract::wire::cache;
use guest::config::config;
use guest::{Call, Fault, Reply};
use route::Action;
use shop::listing::filter::{self, Filter};
use shop::{caller, listing, one_order};

guest::http_function!(answer);

async fn answer(call: Call) -> Result<Reply, Fault> {
    let segments = call.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (action, shape) = route::of(call.method(), &segments)?;
    let query = |name: &str| call.query(name);
    match action {
        Action::One(id) => {
            let user = caller::in_query(&call)?;
            let found = one_order::find(config().await?, id, user.as_ref(), &call.trace_id).await?;
            let reply = reply::one(shape, &found.json)?;
            Ok(if found.written {
                reply.fresh(&call, [cache::order(found.id).as_str()])
            } else {
                reply.checked(&call)
            })
        }
        Action::List(user) => listing::answer(&call, shape, user).await,
        Action::Search => {
            let page = Page::parse(&query)?;
            filter::check_names(call.query_names())?;
            let filter = Filter::of_search(caller::in_query(&call)?, &query)?;
            let found = search::find(config().await?, &filter, page, shape, &call.trace_id).await?;
            match found {
                // The index follows later, and nothing invalidates replies when it does.
                search::Found::Indexed(found) => {
                    Ok(listing::reply(shape, found, page)?.checked(&call))
                }
                search::Found::Stored(found) => {
                    Ok(listing::reply(shape, found, page)?.fresh(&call, [filter.group().as_str()]))
                }
            }
        }
    }
}
