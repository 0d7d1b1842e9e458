//! Flash sales: opened, asked for tokens, bought in, ended.

use super::Call;
use crate::store::redis as keys;
use crate::store::sale_facts::SaleFacts;
use domain::{Ms, OrderId, ProductId, SeckillId, SkuId, UserId};

/// Requests that a sale takes; 0 = any number.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Of all buyers.
    pub per_second_max: u32,
    /// Of one buyer.
    pub user_per_minute_max: u32,
}

/// Loads a sale's facts. `fresh`: its units were set aside just now.
pub fn load(facts: &SaleFacts, fresh: bool) -> Call<'static> {
    let keys = [keys::seckill(facts.id), keys::seckills(facts.id.product)];
    Call::new(&keys::SECKILL_LOAD, keys)
        .arg(u8::from(fresh))
        .args(facts.arguments())
}

/// Asks which sale of a product is meant.
pub fn current(product: ProductId, remembered_ms: Ms) -> Call<'static> {
    Call::new(&keys::SECKILL_CURRENT, [keys::seckills(product)]).arg(remembered_ms)
}

/// Asks for a token; without an order id only whether there may be one.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    pub sale: SeckillId,
    pub user: UserId,
    pub nonce: &'a str,
    pub order: Option<OrderId>,
    /// How long the token is good for.
    pub good_ms: Ms,
    pub rates: Rates,
}

impl<'a> From<Token<'a>> for Call<'a> {
    fn from(token: Token<'a>) -> Self {
        let (sale, user) = (token.sale, token.user);
        let keys = [
            keys::seckill(sale),
            keys::stock(sale.product),
            keys::seckill_buyers(sale),
            keys::seckill_token(sale, user),
            keys::seckill_rate(sale),
            keys::seckill_user_rate(sale, user),
        ];
        let order = token.order.map_or(String::new(), |order| order.to_string());
        Call::new(&keys::SECKILL_TOKEN, keys)
            .arg(user.get())
            .text(token.nonce)
            .text(order)
            .arg(token.good_ms)
            .arg(token.rates.per_second_max)
            .arg(token.rates.user_per_minute_max)
    }
}

/// Buys with a token.
#[derive(Clone, Copy, Debug)]
pub struct Buy<'a> {
    pub sale: SeckillId,
    pub user: UserId,
    pub nonce: &'a str,
    pub quantity: u32,
    /// How long the used token is remembered.
    pub remembered_ms: Ms,
    /// Entries the intake may hold.
    pub entries_max: u64,
    pub rates: Rates,
    /// Fields that go into the intake's entry as they are.
    pub entry: &'a [(&'a str, &'a str)],
}

impl<'a> From<Buy<'a>> for Call<'a> {
    fn from(buy: Buy<'a>) -> Self {
        let (sale, user) = (buy.sale, buy.user);
        let keys = [
            keys::seckill(sale),
            keys::stock(sale.product),
            keys::reserved(sale.product),
            keys::seckill_buyers(sale),
            keys::seckill_token(sale, user),
            keys::seckill_intake(sale.product),
            keys::seckill_rate(sale),
            keys::seckill_user_rate(sale, user),
        ];
        let call = Call::new(&keys::SECKILL_BUY, keys)
            .arg(user.get())
            .text(buy.nonce)
            .arg(buy.quantity)
            .arg(buy.remembered_ms)
            .arg(buy.entries_max)
            .text(keys::INTAKE_CHANNEL)
            .arg(buy.rates.per_second_max)
            .arg(buy.rates.user_per_minute_max);
        buy.entry
            .iter()
            .fold(call, |call, (field, value)| call.text(*field).text(*value))
    }
}

/// Takes back a purchase that never became an order.
pub fn refund(sale: SeckillId, sku: SkuId, user: UserId, order: OrderId) -> Call<'static> {
    let keys = [
        keys::stock(sale.product),
        keys::reserved(sale.product),
        keys::seckill_buyers(sale),
        keys::seckill_token(sale, user),
    ];
    Call::new(&keys::SECKILL_REFUND, keys)
        .arg(order)
        .arg(sku.0)
        .arg(user.get())
}

/// Ends a sale for good.
pub fn close(sale: SeckillId, sku: SkuId, remembered_ms: Ms) -> Call<'static> {
    let keys = [
        keys::seckill(sale),
        keys::stock(sale.product),
        keys::seckill_buyers(sale),
    ];
    Call::new(&keys::SECKILL_CLOSE, keys)
        .arg(sku.0)
        .arg(remembered_ms)
}
