//! Statistics out of the order shards, all asked at once. Each counts and sums by itself; only sums and short lists travel.

use crate::{Day, Part, Whose};
use domain::limits::{PRODUCTS_COUNTED_MAX, RECENT_ORDERS_MAX};
use domain::stats::{Counts, Recent, Sold, Tally};
use domain::{Cents, OrderId, ProductId, Status};
use futures::future::try_join_all;
use guest::Fault;
use guest::config::Config;
use guest::mysql::{Db, Row, Value};

/// Sums of BIGINT are DECIMAL, which does not travel.
const COUNTS: &str =
    "SELECT status, COUNT(*), CAST(SUM(actual_amount) AS SIGNED), MAX(created_at) FROM t_order";
/// By the orders' index of state and time: the items of orders that do not stand are not read.
const SOLD: &str = "SELECT i.product_id, CAST(SUM(i.quantity) AS SIGNED) AS units FROM t_order o \
     JOIN t_order_item i ON i.order_id = o.id \
     WHERE o.status IN (?, ?, ?, ?) AND o.created_at >= ? AND o.created_at < ? \
     GROUP BY i.product_id ORDER BY units DESC, i.product_id LIMIT ?";
const RECENT: &str =
    "SELECT id, actual_amount, created_at FROM t_order ORDER BY created_at DESC, id DESC LIMIT ?";

/// States whose orders stand; as many as `SOLD` asks for.
const STANDING: [Status; 4] = [
    Status::Pending,
    Status::Paid,
    Status::Shipped,
    Status::Completed,
];

pub async fn counts(config: &Config, whose: Whose<'_>) -> Result<Counts, Fault> {
    let (urls, condition, values) = match whose {
        Whose::Day(day) => {
            let values = vec![Value::Uint64(day.from), Value::Uint64(day.to)];
            let condition = "created_at >= ? AND created_at < ?";
            (config.shard_urls(), condition, values)
        }
        Whose::User(user) => {
            let url = config.shard_url(user.id.gene());
            let values = vec![Value::Uint64(user.id.get())];
            return counts_of(&Db::open(url).await?, "user_id = ?", values).await;
        }
    };
    let each = urls.iter().map(async |url| {
        let db = Db::open(url).await?;
        counts_of(&db, condition, values.clone()).await
    });
    try_join_all(each).await.map(Counts::merged)
}

pub async fn parts(config: &Config, today: Day) -> Result<Vec<Part>, Fault> {
    try_join_all(config.shard_urls().iter().map(|url| part(url, today))).await
}

async fn part(url: &str, today: Day) -> Result<Part, Fault> {
    let db = Db::open(url).await?;
    let range = [Value::Uint64(today.from), Value::Uint64(today.to)];
    let counts = counts_of(&db, "created_at >= ? AND created_at < ?", range.to_vec()).await?;
    let mut values: Vec<Value> = STANDING
        .iter()
        .map(|status| Value::Uint8(status.code()))
        .collect();
    values.extend(range);
    values.push(Value::Uint32(PRODUCTS_COUNTED_MAX as u32));
    let sold = db.query(SOLD, values).await?;
    let limit = vec![Value::Uint32(RECENT_ORDERS_MAX as u32)];
    let recent = db.query(RECENT, limit).await?;
    Ok(Part {
        counts,
        sold: sold.iter().map(product).collect::<Result<_, _>>()?,
        recent: recent.iter().map(order).collect::<Result<_, _>>()?,
    })
}

async fn counts_of(db: &Db, condition: &str, values: Vec<Value>) -> Result<Counts, Fault> {
    let statement = format!("{COUNTS} WHERE {condition} GROUP BY status");
    let mut counts = Counts::default();
    for row in db.query(&statement, values).await? {
        let status = row.u8(0)?;
        let status = Status::from_code(status)
            .ok_or_else(|| Fault::Internal(format!("orders of status {status}")))?;
        let tally = Tally {
            orders: row.u64(1)?,
            cents: row.u64(2)?,
            newest_at: row.ms(3)?,
        };
        counts.add(status, tally);
    }
    Ok(counts)
}

fn product(row: &Row) -> Result<Sold, Fault> {
    Ok(Sold {
        product: ProductId(row.u64(0)?),
        units: row.u64(1)?,
    })
}

fn order(row: &Row) -> Result<Recent, Fault> {
    let (id, cents) = (row.u64(0)?, row.i64(1)?);
    Ok(Recent {
        id: OrderId::new(id).ok_or_else(|| Fault::Internal(format!("{id} is no order id")))?,
        actual: Cents::new(cents)
            .ok_or_else(|| Fault::Internal(format!("order {id} has the amount {cents}")))?,
        created_at: row.u64(2)?,
    })
}
