//! Units in Redis: reserved for an order, all products concurrently, or released.

use crate::catalogue;
use contract::api::order::{Draft, DraftLine, Naming};
use contract::store::call::{Holder, stock as call};
use domain::limits::QUANTITY_MAX;
use domain::{Cents, OrderId, OrderItem, ProductId, Rejection, SkuId, StockMode};
use futures::future::join_all;
use futures::lock::Mutex;
use guest::Fault;
use guest::config::Config;
use guest::mysql::Db;
use guest::redis::{Answer, Redis};

/// Lines of one product: their keys share a Redis hash tag, and one call of the script reserves them.
struct Group<'a> {
    naming: Naming,
    product: ProductId,
    price: Option<Cents>,
    /// Places in the order's list of lines.
    lines: Vec<(usize, &'a DraftLine)>,
}

/// A product's catalogue entry, after its units are reserved where Redis keeps them.
struct Sold {
    name: String,
    image: Option<String>,
    price: Cents,
    mode: StockMode,
}

/// Loads of catalogue or stock after which a product that is still not loaded is a fault.
const LOADS_MAX: u32 = 3;

fn groups(draft: &Draft) -> Vec<Group<'_>> {
    let mut groups: Vec<Group> = Vec::new();
    for (at, line) in draft.lines.iter().enumerate() {
        match groups
            .iter_mut()
            .find(|group| group.product == line.product)
        {
            Some(group) => {
                group.price = group.price.or(line.price);
                group.lines.push((at, line));
            }
            None => groups.push(Group {
                naming: draft.naming,
                product: line.product,
                price: line.price,
                lines: vec![(at, line)],
            }),
        }
    }
    groups
}

/// Reserves every line whose stock is in Redis, and prices all lines. On any failure it first releases all of them.
pub async fn reserve(
    redis: &Redis,
    config: &Config,
    order: OrderId,
    draft: &Draft,
) -> Result<Vec<OrderItem>, Fault> {
    let groups = groups(draft);
    // One group at a time asks the database: a request uses only one of its instance's connections.
    let inventory = Mutex::new(Db::at(&config.inventory_url));
    let outcomes = join_all(
        groups
            .iter()
            .map(|group| reserve_group(redis, &inventory, order, group)),
    )
    .await;
    let mut items: Vec<Option<OrderItem>> = vec![None; draft.lines.len()];
    let mut refusal = None;
    for (group, outcome) in groups.iter().zip(outcomes) {
        match outcome.and_then(|sold| price(group, &sold)) {
            Ok(priced) => priced
                .into_iter()
                .for_each(|(at, item)| items[at] = Some(item)),
            // The first group's refusal is reported, unless a backend is away.
            Err(fault) if refusal.is_none() || matches!(fault, Fault::Unavailable { .. }) => {
                refusal = Some(fault)
            }
            Err(_) => {}
        }
    }
    if let Some(fault) = refusal {
        release(redis, order, draft).await?;
        return Err(fault);
    }
    Ok(items.into_iter().flatten().collect())
}

/// Releases what is reserved for an order in Redis. Safe where nothing is.
pub async fn release(redis: &Redis, order: OrderId, draft: &Draft) -> Result<(), Fault> {
    let groups = groups(draft);
    let releases = groups.iter().map(|group| async move {
        let skus = group.lines.iter().map(|(_, line)| line.sku);
        let release = call::release(group.product, Holder::Order(order), skus);
        redis.call(&release).await
    });
    join_all(releases)
        .await
        .into_iter()
        .try_for_each(|released| released.map(|_| ()))
}

/// What the script answered for a group.
enum Said {
    Sold(Sold),
    /// The product is not loaded.
    NoProduct,
    /// The units of this variant are not loaded.
    NoUnits(SkuId),
}

async fn reserve_group(
    redis: &Redis,
    inventory: &Mutex<Db<'_>>,
    order: OrderId,
    group: &Group<'_>,
) -> Result<Sold, Fault> {
    let product = group.product;
    let lines = group.lines.iter();
    let lines = lines.map(|(_, line)| (line.sku, line.quantity.min(QUANTITY_MAX)));
    let reserve = call::reserve(product, order, group.price, lines);
    for _ in 0..LOADS_MAX {
        let answer = redis.call(&reserve).await?;
        match said(group, &answer)? {
            Said::Sold(sold) => return Ok(sold),
            Said::NoProduct => {
                let db = inventory.lock().await;
                catalogue::load_product(redis, *db, product).await?;
            }
            Said::NoUnits(sku) => {
                let db = inventory.lock().await;
                let known = catalogue::load_stock(redis, *db, product, &[]).await?;
                if !known.contains(&sku) {
                    return Err(group.refused(group.place_of(sku), "sku_id", "does not exist"));
                }
            }
        }
    }
    // Loaded and gone again each time: Redis evicts what it was just given.
    Err(Fault::Unavailable {
        backend: "redis",
        reason: format!("product {} does not stay loaded", product.0),
    })
}

fn said(group: &Group<'_>, answer: &Answer) -> Result<Said, Fault> {
    let refused = |field, reason: &str| Err(group.refused(group.first(), field, reason));
    match answer.text(0).as_deref() {
        Some("ok") => sold(answer, StockMode::Redis).map(Said::Sold),
        Some("db") => sold(answer, StockMode::Db).map(Said::Sold),
        Some("miss") => Ok(Said::NoProduct),
        Some("unloaded") => Ok(Said::NoUnits(SkuId(answer.number(1, "sku")?))),
        Some("unknown") => refused("product_id", "does not exist"),
        Some("off") => refused("product_id", "is not on sale"),
        Some("price") => {
            let price = cents(answer, 1)?;
            refused(
                "price",
                &match group.naming {
                    Naming::Amount => {
                        format!("is not the quantity times the catalogue's price {price}")
                    }
                    Naming::Items | Naming::Price => {
                        format!("is not the catalogue's price {price}")
                    }
                },
            )
        }
        Some("short") => Err(Rejection::StockInsufficient {
            product: group.product,
            sku: SkuId(answer.number(1, "sku")?),
        }
        .into()),
        _ => Err(Fault::Internal(format!("reserve answered {answer:?}"))),
    }
}

impl Group<'_> {
    /// Place of its first line.
    fn first(&self) -> usize {
        self.lines.first().map_or(0, |(at, _)| *at)
    }

    /// Place of the line of a variant.
    fn place_of(&self, sku: SkuId) -> usize {
        let line = self.lines.iter().find(|(_, line)| line.sku == sku);
        line.map_or(self.first(), |(at, _)| *at)
    }

    fn refused(&self, at: usize, field: &str, reason: &str) -> Fault {
        Rejection::invalid(self.naming.path(at, field), reason).into()
    }
}

fn cents(answer: &Answer, at: usize) -> Result<Cents, Fault> {
    let amount = answer.number(at, "price")?;
    Cents::new(amount).ok_or_else(|| Fault::Internal(format!("Redis holds the price {amount}")))
}

fn sold(answer: &Answer, mode: StockMode) -> Result<Sold, Fault> {
    Ok(Sold {
        name: answer.text(1).unwrap_or_default(),
        image: answer.text(2).filter(|image| !image.is_empty()),
        price: cents(answer, 3)?,
        mode,
    })
}

fn price(group: &Group<'_>, sold: &Sold) -> Result<Vec<(usize, OrderItem)>, Fault> {
    let item = |(at, line): &(usize, &DraftLine)| {
        let subtotal = sold.price.times(line.quantity).ok_or_else(|| {
            Rejection::invalid(
                group.naming.path(*at, "quantity"),
                "makes the amount larger than 99999999.99",
            )
        })?;
        let item = OrderItem {
            product: line.product,
            sku: line.sku,
            name: sold.name.clone(),
            image: sold.image.clone(),
            price: sold.price,
            quantity: line.quantity,
            subtotal,
            stock_mode: sold.mode,
            foreign_sale: None,
        };
        Ok((*at, item))
    };
    group.lines.iter().map(item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_product_go_together() {
        let line = |product, sku, price| DraftLine {
            product: ProductId(product),
            sku: SkuId(sku),
            quantity: 1,
            price,
        };
        let price = Cents::new(100);
        let draft = Draft {
            lines: vec![line(1, 1, None), line(2, 0, None), line(1, 2, price)],
            ..Draft::default()
        };
        let groups = groups(&draft);
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0].price, price);
        assert_eq!(
            groups[0]
                .lines
                .iter()
                .map(|(at, _)| *at)
                .collect::<Vec<_>>(),
            [0, 2]
        );
    }
}
