//! Statistics from the order shards, all asked concurrently. Each counts and sums by itself and sends only sums and
//! short lists. A day is asked for by the hour, so that the statements of a busy one end within their deadlines.

use super::{Day, Part, Whose};
use domain::limits::{PRODUCTS_COUNTED_MAX, RECENT_ORDERS_MAX};
use domain::stats::{Counts, Recent, Sold, Tally, most_sold};
use domain::{Cents, Ms, OrderId, ProductId, Status, calendar};
use futures::future::join_all;
use guest::Fault;
use guest::config::Config;
use guest::mysql::{Db, Row, Value};

const HOUR_MS: Ms = 3_600_000;
const _: () = assert!(calendar::DAY_MS.is_multiple_of(HOUR_MS));

/// Sums of BIGINT are DECIMAL, which a host cannot pass on.
const COUNTS: &str =
    "SELECT status, COUNT(*), CAST(SUM(actual_amount) AS SIGNED), MAX(created_at) FROM t_order";
/// Uses the index on status and time: items of cancelled and failed orders are not read.
const SOLD: &str = "SELECT i.product_id, CAST(SUM(i.quantity) AS SIGNED) AS units FROM t_order o \
     JOIN t_order_item i ON i.order_id = o.id \
     WHERE o.status IN (?, ?, ?, ?) AND o.created_at >= ? AND o.created_at < ? \
     GROUP BY i.product_id ORDER BY units DESC, i.product_id LIMIT ?";
const RECENT: &str =
    "SELECT id, actual_amount, created_at FROM t_order ORDER BY created_at DESC, id DESC LIMIT ?";

/// The states for which [`Status::is_standing`] is true; `SOLD` has a parameter for each.
const STANDING: [Status; 4] = [
    Status::Pending,
    Status::Paid,
    Status::Shipped,
    Status::Completed,
];

const IN_TIME: &str = "created_at >= ? AND created_at < ?";

pub async fn counts(config: &Config, whose: Whose<'_>) -> Result<Counts, Fault> {
    match whose {
        Whose::Day(day) => {
            let each = config.shard_urls().iter().map(async |url| {
                let db = Db::at(url);
                let mut counts = Vec::new();
                for hour in hours(day) {
                    counts.push(counts_of(db, IN_TIME, hour.to_vec()).await?);
                }
                Ok::<_, Fault>(Counts::merged(counts))
            });
            all(each).await.map(Counts::merged)
        }
        Whose::User(user) => {
            let db = Db::at(config.shard_url(user.id.gene()));
            counts_of(db, "user_id = ?", vec![Value::Uint64(user.id.get())]).await
        }
    }
}

pub async fn parts(config: &Config, today: Day) -> Result<Vec<Part>, Fault> {
    all(config.shard_urls().iter().map(|url| part(url, today))).await
}

/// All results, or the first failure. None is cancelled: that would cost its connection.
async fn all<T>(
    asked: impl Iterator<Item = impl Future<Output = Result<T, Fault>>>,
) -> Result<Vec<T>, Fault> {
    join_all(asked).await.into_iter().collect()
}

async fn part(url: &str, today: Day) -> Result<Part, Fault> {
    let db = Db::at(url);
    let limit = vec![Value::Uint32(RECENT_ORDERS_MAX as u32)];
    let recent = db.read(RECENT, limit, |row| order(&row)).await?;
    let (mut counts, mut sold) = (Vec::new(), Vec::new());
    for hour in hours(today) {
        counts.push(counts_of(db, IN_TIME, hour.to_vec()).await?);
        let standing = STANDING.map(|status| Value::Uint8(status.code()));
        let limit = [Value::Uint32(PRODUCTS_COUNTED_MAX as u32)];
        let values = [&standing[..], &hour, &limit].concat();
        let hour = db.read(SOLD, values, |row| product(&row)).await?;
        sold = most_sold(sold.into_iter().chain(hour), PRODUCTS_COUNTED_MAX);
    }
    Ok(Part {
        counts: Counts::merged(counts),
        sold,
        recent,
    })
}

/// The hours of a day, as the parameters of `IN_TIME`.
fn hours(day: Day) -> impl Iterator<Item = [Value; 2]> {
    let starts = (day.from..day.to).step_by(HOUR_MS as usize);
    starts.map(|from| [Value::Uint64(from), Value::Uint64(from + HOUR_MS)])
}

async fn counts_of(db: Db<'_>, condition: &str, values: Vec<Value>) -> Result<Counts, Fault> {
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
