//! The multi-row statements of a batch. They come in few sizes, so that each is prepared once per session.

use super::draft::Draft;
use crate::clients::database::assembled;
use contract::store::sql::{
    INSERT_ITEMS, INSERT_MESSAGES, INSERT_ORDERS, INSERT_RECORDS, ITEM_PARAMETERS,
    MESSAGE_PARAMETERS, ORDER_PARAMETERS, RECORD_PARAMETERS, order_rows, rows,
};
use contract::wire::event::EventType;
use contract::wire::message::ORDER_CREATED;
use domain::limits::INTAKE_BATCH_MAX;
use sqlx::Arguments as _;
use sqlx::error::BoxDynError;
use sqlx::mysql::{MySqlArguments, MySqlConnection};

/// Inserts orders, purchase records, items and outbox rows, in the caller's transaction. `drafts` are sorted by order
/// id, so that all relays lock in one order.
///
/// # Errors
/// When the database is away or refuses a row, such as a duplicate; the transaction must be rolled back then.
pub async fn insert(session: &mut MySqlConnection, drafts: &[Draft]) -> sqlx::Result<()> {
    write(session, INSERT_ORDERS, order_rows, drafts, order).await?;
    let mut records: Vec<&Draft> = drafts
        .iter()
        .filter(|draft| draft.record.is_some())
        .collect();
    records.sort_unstable_by(|a, b| a.record.cmp(&b.record));
    write(
        session,
        INSERT_RECORDS,
        |count| rows(count, RECORD_PARAMETERS),
        &records,
        |args, draft| record(args, draft),
    )
    .await?;
    let items: Vec<(&Draft, usize)> = drafts
        .iter()
        .flat_map(|draft| (0..draft.order.items.len()).map(move |at| (draft, at)))
        .collect();
    write(
        session,
        INSERT_ITEMS,
        |count| rows(count, ITEM_PARAMETERS),
        &items,
        |args, (draft, at)| item(args, draft, *at),
    )
    .await?;
    write(
        session,
        INSERT_MESSAGES,
        |count| rows(count, MESSAGE_PARAMETERS),
        drafts,
        message,
    )
    .await
}

async fn write<T>(
    session: &mut MySqlConnection,
    head: &str,
    groups: impl Fn(usize) -> String,
    all: &[T],
    bind: impl Fn(&mut MySqlArguments, &T) -> Result<(), BoxDynError>,
) -> sqlx::Result<()> {
    let mut rest = all;
    for size in sizes(all.len()) {
        let (part, after) = rest.split_at(size);
        rest = after;
        let mut arguments = MySqlArguments::default();
        for one in part {
            bind(&mut arguments, one).map_err(sqlx::Error::Encode)?;
        }
        let sql = format!("{head}{}", groups(size));
        sqlx::query_with(assembled(sql), arguments)
            .execute(&mut *session)
            .await?;
    }
    Ok(())
}

/// Splits `count` rows into full batches and then powers of two.
fn sizes(count: usize) -> impl Iterator<Item = usize> {
    let mut rest = count;
    std::iter::from_fn(move || {
        let size = match rest {
            0 => return None,
            INTAKE_BATCH_MAX.. => INTAKE_BATCH_MAX,
            _ => 1 << rest.ilog2(),
        };
        rest -= size;
        Some(size)
    })
}

fn order(args: &mut MySqlArguments, draft: &Draft) -> Result<(), BoxDynError> {
    let order = &draft.order;
    args.add(order.id.get())?;
    args.add(order.user.id.get())?;
    args.add(order.user.reference.as_deref())?;
    args.add(order.id.order_no())?;
    args.add(order.total.get())?;
    args.add(order.discount.get())?;
    args.add(order.actual.get())?;
    args.add(order.payment_method.as_deref())?;
    args.add(order.shipping_address.as_deref())?;
    args.add(order.remark.as_deref())?;
    args.add(draft.key.as_ref().map(|key| &key[..]))?;
    args.add(draft.payload.as_ref().map(|payload| &payload[..]))?;
    args.add(order.created_at)?;
    args.add(order.updated_at)
}

fn record(args: &mut MySqlArguments, draft: &Draft) -> Result<(), BoxDynError> {
    let Some(record) = &draft.record else {
        return Err("a purchase without its record".into());
    };
    args.add(record.seckill_id.as_str())?;
    args.add(record.user.get())?;
    args.add(record.product.0)?;
    args.add(draft.order.id.get())?;
    args.add(draft.order.created_at)
}

fn item(args: &mut MySqlArguments, draft: &Draft, at: usize) -> Result<(), BoxDynError> {
    let item = draft
        .order
        .items
        .get(at)
        .ok_or("an item that is not there")?;
    args.add(draft.order.id.get())?;
    args.add(item.product.0)?;
    args.add(item.sku.0)?;
    args.add(item.name.as_str())?;
    args.add(item.image.as_deref())?;
    args.add(item.price.get())?;
    args.add(item.quantity)?;
    args.add(item.subtotal.get())?;
    args.add(item.stock_mode.code())?;
    args.add(item.foreign_sale.as_deref())?;
    args.add(draft.order.created_at)
}

fn message(args: &mut MySqlArguments, draft: &Draft) -> Result<(), BoxDynError> {
    let at = draft.order.created_at;
    args.add(draft.message_id.as_str())?;
    args.add(draft.order.id.to_string())?;
    args.add(ORDER_CREATED)?;
    args.add(EventType::Created.name())?;
    args.add(draft.event.as_str())?;
    args.add(at)?;
    args.add(at)
}

const _: () = assert!(INTAKE_BATCH_MAX * ORDER_PARAMETERS < 65_535);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_few_and_add_up() {
        let mut seen = std::collections::BTreeSet::new();
        for count in 0..2_000 {
            let sizes: Vec<usize> = sizes(count).collect();
            assert_eq!(sizes.iter().sum::<usize>(), count);
            seen.extend(sizes);
        }
        assert_eq!(seen.len(), 10, "{seen:?}");
    }
}
