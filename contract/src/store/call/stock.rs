//! Catalogue and stock: loading both into Redis, and reservations.

use super::{Call, Holder};
use crate::store::redis as keys;
use domain::{Cents, Ms, OrderId, ProductId, SkuId};

/// A product's catalogue entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// As orders show it.
    pub name: String,
    /// Empty where there is none.
    pub image: String,
    /// In cents.
    pub price: i64,
    /// Code of `SaleStatus`.
    pub status: u8,
    /// Code of `StockMode`.
    pub mode: u8,
    /// Of the row; an older entry never replaces a newer one.
    pub updated_at: Ms,
}

/// A row of `t_inventory`.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Ordinary, or of a flash sale.
    pub sku: SkuId,
    /// Units that are neither locked nor sold.
    pub available: u64,
    /// One more with each change; an older row never replaces a newer one.
    pub version: u64,
}

fn stock(product: ProductId) -> [String; 2] {
    [keys::stock(product), keys::reserved(product)]
}

/// Caches a catalogue entry (`None`: there is no such product), unless a newer one is cached.
pub fn cache_product(product: ProductId, kept_ms: Ms, entry: Option<Entry>) -> Call<'static> {
    let call = Call::new(&keys::CACHE_PRODUCT, [keys::product(product)]).arg(kept_ms);
    let Some(entry) = entry else {
        return call.text("0").text("absent").text("1");
    };
    call.arg(entry.updated_at)
        .text("name")
        .text(entry.name)
        .text("image")
        .text(entry.image)
        .text("price")
        .arg(entry.price)
        .text("status")
        .arg(entry.status)
        .text("mode")
        .arg(entry.mode)
}

/// Reads a catalogue entry and its stock.
pub fn product(product: ProductId) -> Call<'static> {
    let keys = [keys::product(product), keys::stock(product)];
    Call::new(&keys::PRODUCT, keys)
}

/// Reserves units of one product for an order, all lines or none. `price`: of one unit, as the caller expects it.
pub fn reserve(
    product: ProductId,
    order: OrderId,
    price: Option<Cents>,
    lines: impl Iterator<Item = (SkuId, u32)>,
) -> Call<'static> {
    let [stock, reserved] = stock(product);
    let keys = [keys::product(product), stock, reserved];
    let price = price.map_or(String::new(), |price| price.get().to_string());
    Call::new(&keys::RESERVE, keys)
        .arg(order)
        .text(price)
        .args(lines.flat_map(|(sku, quantity)| [sku.0, u64::from(quantity)]))
}

/// Releases reservations.
pub fn release(
    product: ProductId,
    holder: Holder,
    skus: impl IntoIterator<Item = SkuId>,
) -> Call<'static> {
    Call::new(&keys::RELEASE, stock(product))
        .arg(holder)
        .args(skus.into_iter().map(|sku| sku.0))
}

/// Reserves ordinary units for a flash sale, before the database moves them.
pub fn set_aside(product: ProductId, sale: u32, sku: SkuId, units: u32) -> Call<'static> {
    Call::new(&keys::SET_ASIDE, stock(product))
        .arg(Holder::Sale(sale))
        .arg(sku.0)
        .arg(units)
}

/// Takes ordinary units for a stock change or a hold, before the database does. `ended_ms`: after this time an earlier
/// attempt with the same key has ended.
pub fn take(
    product: ProductId,
    holder: Holder,
    sku: SkuId,
    units: u32,
    ended_ms: Ms,
) -> Call<'static> {
    Call::new(&keys::TAKE, stock(product))
        .arg(holder)
        .arg(sku.0)
        .arg(units)
        .arg(ended_ms)
}

/// Releases what an attempt took; `intent` as [`take`] gave it.
pub fn put_back<'a>(product: ProductId, holder: Holder, sku: SkuId, intent: &'a str) -> Call<'a> {
    Call::new(&keys::PUT_BACK, stock(product))
        .arg(holder)
        .arg(sku.0)
        .text(intent)
}

/// Applies the database's rows, and drops the reservations that they include (`settled`).
pub fn sync(product: ProductId, rows: &[Row], settled: &[(Holder, SkuId)]) -> Call<'static> {
    let rows_of = rows.iter();
    let call = Call::new(&keys::SYNC, stock(product))
        .arg(rows.len())
        .args(rows_of.flat_map(|row| [row.sku.0, row.available, row.version]));
    settled
        .iter()
        .fold(call, |call, (holder, sku)| call.arg(holder).arg(sku.0))
}
