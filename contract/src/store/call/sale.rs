//! Flash sales: opening, tokens, purchases, end.

use super::Call;
use crate::store::redis as keys;
use crate::store::sale_facts::SaleFacts;
use domain::{Ms, OrderId, ProductId, SeckillId, SkuId, UserId};

/// Rate limits of a flash sale, on requests for tokens and purchases; 0 = any number.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Of all buyers together.
    pub per_second_max: u32,
    /// Of one buyer.
    pub user_per_minute_max: u32,
}

/// Loads the facts of a sale. `fresh`: its units were set aside by this very preheat, so nobody has bought yet.
pub fn load(facts: &SaleFacts, fresh: bool) -> Call<'static> {
    let keys = [keys::seckill(facts.id), keys::seckills(facts.id.product)];
    Call::new(&keys::SECKILL_LOAD, keys)
        .arg(u8::from(fresh))
        .args(facts.arguments())
}

/// Finds the sale that a caller means who names only the product. `remembered_ms`: how long a sale counts after its
/// end.
pub fn current(product: ProductId, remembered_ms: Ms) -> Call<'static> {
    Call::new(&keys::SECKILL_CURRENT, [keys::seckills(product)]).arg(remembered_ms)
}

/// Asks for a token. Without an order id it asks only whether one may be issued.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    /// The flash sale.
    pub sale: SeckillId,
    /// The buyer.
    pub user: UserId,
    /// Random part of a new token, 32 hex digits; empty without an order id.
    pub nonce: &'a str,
    /// Id of the order that the token is to become.
    pub order: Option<OrderId>,
    /// How long a new token is valid.
    pub good_ms: Ms,
    /// Checked where there is no order id, so that each request counts once.
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
            keys::product(sale.product),
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
    /// The flash sale.
    pub sale: SeckillId,
    /// The buyer.
    pub user: UserId,
    /// Random part of the token that is used.
    pub nonce: &'a str,
    /// Units, from 1.
    pub quantity: u32,
    /// How long the used token is remembered.
    pub remembered_ms: Ms,
    /// Entries the intake stream may hold.
    pub entries_max: u64,
    /// Not checked where the token is used already.
    pub rates: Rates,
    /// Fields added to the entry in the intake stream.
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
            keys::product(sale.product),
        ];
        Call::new(&keys::SECKILL_BUY, keys)
            .arg(user.get())
            .text(buy.nonce)
            .arg(buy.quantity)
            .arg(buy.remembered_ms)
            .arg(buy.entries_max)
            .text(keys::INTAKE_CHANNEL)
            .arg(buy.rates.per_second_max)
            .arg(buy.rates.user_per_minute_max)
            .fields(buy.entry)
    }
}

/// Reverts a purchase that never became an order, so that its buyer may try again.
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

/// Ends a sale for good. `sku`: the sale's own; `remembered_ms`: how long Redis keeps its facts and buyers.
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
