//! Statistics of orders: of a day, of today for a dashboard, and of one user. The search index counts where there is
//! one; else, or while it is away, the shards do. `domain::stats` merges the counts of both in the same way.

mod index;
mod inventory;
mod route;
mod shards;

use contract::api::page::{self, Edge};
use contract::api::stats::{Dashboard, DayStats, UserStats};
use domain::stats::{Counts, Recent, Sold, hottest, newest};
use domain::{Ms, Rejection, User, calendar};
use futures::future::try_join;
use guest::config::{Config, config};
use guest::{Call, Fault, Reply, clock};
use route::Action;
use shop::caller;

guest::http_function!(answer);

async fn answer(call: Call) -> Result<Reply, Fault> {
    let segments = call.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match route::of(call.method(), &segments)? {
        Action::Day => {
            let day = Day::asked(&call)?;
            Reply::of(200, &of_day(config().await?, day, &call.trace_id).await?)
        }
        Action::Dashboard => {
            let today = Day::of(clock::now());
            Reply::of(
                200,
                &dashboard(config().await?, today, &call.trace_id).await?,
            )
        }
        Action::User(name) => {
            let user = caller::in_path(name, &call)?;
            let counts = counts(config().await?, Whose::User(&user), &call.trace_id).await?;
            Reply::of(200, &UserStats::of(&user, &counts))
        }
    }
}

/// A UTC day; `to` is the first moment of the next one.
#[derive(Clone, Copy, Debug)]
struct Day {
    from: Ms,
    to: Ms,
}

impl Day {
    fn of(moment: Ms) -> Day {
        let from = calendar::day_start(moment);
        let to = from + calendar::DAY_MS;
        Day { from, to }
    }

    /// That of the query parameter `date`, else today.
    fn asked(call: &Call) -> Result<Day, Rejection> {
        let moment = page::moment(&|name: &str| call.query(name), "date", Edge::Start)?;
        Ok(Day::of(moment.unwrap_or_else(clock::now)))
    }
}

/// Which orders are counted.
#[derive(Clone, Copy, Debug)]
enum Whose<'a> {
    Day(Day),
    User(&'a User),
}

/// What a dashboard needs of one shard, or of the index for all of them.
#[derive(Debug, Default)]
struct Part {
    counts: Counts,
    sold: Vec<Sold>,
    recent: Vec<Recent>,
}

async fn of_day(config: &Config, day: Day, trace_id: &str) -> Result<DayStats, Fault> {
    let counted = counts(config, Whose::Day(day), trace_id);
    let (counts, failures) = try_join(counted, inventory::failures(config, day)).await?;
    Ok(DayStats::of(day.from, &counts, failures))
}

async fn counts(config: &Config, whose: Whose<'_>, trace_id: &str) -> Result<Counts, Fault> {
    if let Some(url) = &config.elasticsearch_url {
        match index::counts(url, whose).await {
            Ok(counts) => return Ok(counts),
            Err(fault) => guest::http::log(&fault, trace_id),
        }
    }
    shards::counts(config, whose).await
}

async fn parts(config: &Config, today: Day, trace_id: &str) -> Result<Vec<Part>, Fault> {
    if let Some(url) = &config.elasticsearch_url {
        match index::part(url, today).await {
            Ok(part) => return Ok(vec![part]),
            Err(fault) => guest::http::log(&fault, trace_id),
        }
    }
    shards::parts(config, today).await
}

async fn dashboard(config: &Config, today: Day, trace_id: &str) -> Result<Dashboard, Fault> {
    let parts = parts(config, today, trace_id).await?;
    let counts = Counts::merged(parts.iter().map(|part| part.counts));
    let hot = hottest(parts.iter().flat_map(|part| part.sold.iter().copied()));
    let recent = newest(parts.iter().flat_map(|part| part.recent.iter().copied()));
    let names = inventory::names(config, &hot).await?;
    Ok(Dashboard::of(&counts, &recent, &hot, &names))
}
