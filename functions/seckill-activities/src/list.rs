//! Reads of activities: from the inventory database, with the units that can still be bought, from Redis.

use super::activity::{self, Activity};
use super::statement::{self, Filter};
use contract::api::page::Page;
use contract::api::problem::Code;
use contract::api::product::product_id;
use contract::api::seckill::{SeckillName, SeckillReply, SeckillView, Seckills, seckill_id};
use domain::Rejection;
use domain::seckill::SeckillStatus;
use guest::config::{Config, config};
use guest::mysql::Db;
use guest::redis::Redis;
use guest::{Call, Fault, Reply, clock};

const CODE: u32 = Code::Success.number();

pub async fn page(call: &Call) -> Result<Reply, Fault> {
    let page = Page::parse(&|name: &str| call.query(name))?;
    let filter = filter(call)?;
    let config = config().await?;
    let (activities, total) = {
        let db = Db::at(&config.inventory_url);
        let list = statement::list(filter, page);
        let rows = db.query(&list.text, list.values).await?;
        let activities: Vec<Activity> =
            rows.iter().map(Activity::read).collect::<Result<_, _>>()?;
        let count = statement::count(filter);
        let rows = db.query(&count.text, count.values).await?;
        let total = rows
            .first()
            .ok_or_else(|| Fault::Internal("COUNT(*) gave no row".to_owned()))?
            .u64(0)?;
        (activities, total)
    };
    let reply = Seckills {
        code: CODE,
        seckills: views(config, &activities, &call.trace_id).await,
        total,
        page: page.number,
        page_size: page.size,
    };
    Reply::of(200, &reply)
}

fn filter(call: &Call) -> Result<Filter, Rejection> {
    let status = match call.query("status").as_deref() {
        None | Some("all") => None,
        Some(text) => Some(
            SeckillStatus::from_name_or_code(text)
                .ok_or_else(|| Rejection::invalid("status", "must be planned, open or ended"))?,
        ),
    };
    let product = match call.query("product_id") {
        Some(text) => Some(product_id("product_id", &text)?),
        None => None,
    };
    Ok(Filter { status, product })
}

pub async fn one(call: &Call, id: &str) -> Result<Reply, Fault> {
    let id = seckill_id(id)?;
    let config = config().await?;
    let found = {
        let db = Db::at(&config.inventory_url);
        activity::find(db, SeckillName::Id(id), clock::now()).await?
    };
    let mut views = views(config, std::slice::from_ref(&found), &call.trace_id).await;
    let reply = SeckillReply {
        code: CODE,
        seckill: views.pop().unwrap_or_else(|| found.view(None)),
    };
    Reply::of(200, &reply)
}

/// Without Redis the activities are shown, but not the units left.
pub async fn views(config: &Config, activities: &[Activity], trace_id: &str) -> Vec<SeckillView> {
    let asked = async {
        let redis = Redis::open(&config.redis_url).await?;
        activity::available(&redis, activities).await
    };
    let available = asked.await.unwrap_or_else(|fault| {
        guest::http::log(&fault, trace_id);
        vec![None; activities.len()]
    });
    let pairs = activities.iter().zip(available);
    pairs
        .map(|(activity, units)| activity.view(units))
        .collect()
}
