//! HTTP bodies of flash sales: announcing, preheating, tokens, purchases.

use crate::api::amount::Amount;
use crate::api::identity::{self, IdText};
use crate::api::page::milliseconds;
use crate::api::product::product_id;
use crate::api::whole::Whole;
use domain::limits::PRODUCT_NAME_CHARS_MAX;
use domain::seckill::{SeckillPlan, SeckillStatus};
use domain::{Ms, OrderId, ProductId, Rejection, SeckillId, SkuId, Status, User, calendar};
use serde::{Deserialize, Serialize};

/// Flash sales one preheat may name.
pub const PREHEAT_MAX: usize = 100;
/// Hex digits of the random part of a token.
pub const NONCE_CHARS: usize = 32;

/// Body that announces a flash sale.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateSeckillRequest {
    /// The product must exist.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::openapi::ProductText, required = true))]
    product_id: Option<IdText>,
    /// Variant whose units are sold; 0 by default, at most 4294967295.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::SkuText>))]
    sku_id: Option<IdText>,
    /// Up to 200 characters; the product's name where empty.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    name: String,
    /// Of one unit in the flash sale.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::openapi::AmountText, required = true))]
    price: Option<Amount>,
    /// Units to set aside when it is preheated.
    #[cfg_attr(feature = "openapi", schema(value_type = i64, required = true, minimum = 1, maximum = 2147483647))]
    stock: Option<Whole>,
    /// Milliseconds UTC, or RFC 3339.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::openapi::MomentText, required = true))]
    starts_at: Option<IdText>,
    /// In the same forms; after `starts_at`, and not past.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::openapi::MomentText, required = true))]
    ends_at: Option<IdText>,
    /// Units one buyer may take; 1 by default, at most `stock`.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>, minimum = 1, maximum = 2147483647))]
    per_user_limit: Option<Whole>,
}

impl CreateSeckillRequest {
    /// Parses and checks a body. `now`: the end must be later.
    ///
    /// # Errors
    /// Where a field is not acceptable; the rejection names it.
    pub fn parse(bytes: &[u8], now: Ms) -> Result<SeckillPlan, Rejection> {
        let request: CreateSeckillRequest = crate::api::body::parse(bytes)?;
        if request.name.chars().count() > PRODUCT_NAME_CHARS_MAX {
            let reason = format!("has more than {PRODUCT_NAME_CHARS_MAX} characters");
            return Err(Rejection::invalid("name", reason));
        }
        let product = request.product_id.ok_or_else(|| required("product_id"))?;
        let Amount(price) = request.price.ok_or_else(|| required("price"))?;
        SeckillPlan {
            product: product_id("product_id", &product.0)?,
            sku: sku(request.sku_id.as_ref())?,
            name: request.name,
            price,
            stock: units("stock", request.stock)?,
            starts_at: moment("starts_at", request.starts_at.as_ref())?,
            ends_at: moment("ends_at", request.ends_at.as_ref())?,
            per_user_max: units("per_user_limit", request.per_user_limit.or(Some(Whole(1))))?,
        }
        .checked(now)
    }
}

fn required(field: &str) -> Rejection {
    Rejection::invalid(field, "is required")
}

fn sku(text: Option<&IdText>) -> Result<SkuId, Rejection> {
    let Some(text) = text else {
        return Ok(SkuId(0));
    };
    let number = text.number().map(SkuId);
    number.ok_or_else(|| Rejection::invalid("sku_id", "must be a whole number"))
}

pub(crate) fn units(field: &str, value: Option<Whole>) -> Result<u32, Rejection> {
    let Whole(value) = value.ok_or_else(|| required(field))?;
    u32::try_from(value).map_err(|_| Rejection::invalid(field, "must be a positive whole number"))
}

fn moment(field: &str, text: Option<&IdText>) -> Result<Ms, Rejection> {
    let text = text.ok_or_else(|| required(field))?;
    milliseconds(text)
        .or_else(|| calendar::parse_rfc3339(&text.0))
        .ok_or_else(|| Rejection::invalid(field, "must be milliseconds or RFC 3339"))
}

/// Body of a preheat: 1 to 100 flash sales in all, by id or by product.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreheatRequest {
    /// One flash sale.
    seckill_id: Option<String>,
    /// Several flash sales.
    #[serde(default)]
    seckill_ids: Vec<String>,
    /// A product: its next flash sale, or the one that runs.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::ProductText>))]
    product_id: Option<IdText>,
    /// Several products, each as `product_id`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::api::openapi::ProductText>))]
    product_ids: Vec<IdText>,
}

/// A flash sale as a caller names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeckillName {
    /// By its own id.
    Id(SeckillId),
    /// By product: to preheat, the one that is not over and starts first; for a token, the one that runs, else the
    /// next, else the last.
    Of(ProductId),
}

impl PreheatRequest {
    /// Parses and checks a body.
    ///
    /// # Errors
    /// Where a field is not acceptable; the rejection names it.
    pub fn parse(bytes: &[u8]) -> Result<Vec<SeckillName>, Rejection> {
        let request: PreheatRequest = crate::api::body::parse(bytes)?;
        let ids = request.seckill_id.iter().chain(&request.seckill_ids);
        let products = request.product_id.iter().chain(&request.product_ids);
        let names: Vec<SeckillName> = ids
            .map(|id| seckill_id(id).map(SeckillName::Id))
            .chain(products.map(|id| product_id("product_id", &id.0).map(SeckillName::Of)))
            .collect::<Result<_, _>>()?;
        if names.is_empty() || names.len() > PREHEAT_MAX {
            let reason = format!("or product_id must name 1 to {PREHEAT_MAX} flash sales");
            return Err(Rejection::invalid("seckill_id", reason));
        }
        Ok(names)
    }
}

/// Reads the id of a flash sale.
///
/// # Errors
/// `UnknownSeckill` where the text is no such id.
pub fn seckill_id(text: &str) -> Result<SeckillId, Rejection> {
    SeckillId::parse(text).ok_or_else(|| Rejection::UnknownSeckill(text.chars().take(64).collect()))
}

/// Body that asks for a token.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenRequest {
    /// The buyer. Required here or as `user_id` in the query.
    #[serde(alias = "UserID", alias = "userId")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::UserText>))]
    user_id: Option<IdText>,
    /// The flash sale; else `product_id` is required.
    seckill_id: Option<String>,
    /// In place of `seckill_id`: the flash sale of this product that runs, else the next one.
    #[serde(alias = "ProductID", alias = "productId")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::ProductText>))]
    product_id: Option<IdText>,
}

impl TokenRequest {
    /// The user, `None` where the body names nobody, and the flash sale.
    ///
    /// # Errors
    /// Where a field is not acceptable; the rejection names it.
    pub fn parse(bytes: &[u8]) -> Result<(Option<User>, SeckillName), Rejection> {
        let request: TokenRequest = crate::api::body::parse(bytes)?;
        let name = match (&request.seckill_id, &request.product_id) {
            (Some(id), product) => {
                let sale = seckill_id(id)?;
                let product = product.as_ref();
                let product = product
                    .map(|id| product_id("product_id", &id.0))
                    .transpose()?;
                if product.is_some_and(|product| product != sale.product) {
                    return Err(Rejection::invalid("product_id", "is not the flash sale's"));
                }
                SeckillName::Id(sale)
            }
            (None, Some(id)) => SeckillName::Of(product_id("product_id", &id.0)?),
            (None, None) => {
                return Err(Rejection::invalid(
                    "seckill_id",
                    "or product_id is required",
                ));
            }
        };
        Ok((user(request.user_id.as_ref())?, name))
    }
}

fn user(text: Option<&IdText>) -> Result<Option<User>, Rejection> {
    text.map(|text| identity::user(&text.0))
        .transpose()
        .map_err(|reason| Rejection::invalid("user_id", reason))
}

/// The parts of a token: `<seckill id>.<user id>.<nonce>`. Only the nonce is secret; Redis holds the right one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The flash sale it buys in.
    pub sale: SeckillId,
    /// Numeric id of the only user who may use it.
    pub user: u64,
    /// 32 hex digits.
    pub nonce: String,
}

impl Token {
    /// `None` where the text does not have this form.
    pub fn parse(text: &str) -> Option<Token> {
        let mut parts = text.split('.');
        let (sale, user, nonce) = (parts.next()?, parts.next()?, parts.next()?);
        let hex = nonce.len() == NONCE_CHARS && nonce.bytes().all(|b| b.is_ascii_hexdigit());
        (parts.next().is_none() && hex).then_some(())?;
        Some(Token {
            sale: SeckillId::parse(sale)?,
            user: IdText(user.to_owned()).number()?,
            nonce: nonce.to_owned(),
        })
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.sale, self.user, self.nonce)
    }
}

/// A token for a flash sale. Each buyer has one at a time; asked for again, the same one is given.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenReply {
    /// Always 10000.
    pub code: u32,
    /// To be sent with the purchase.
    pub token: String,
    /// The flash sale it is for.
    pub seckill_id: String,
    /// Decimal text.
    pub product_id: String,
    /// Id of the order that a purchase with this token makes, in decimal.
    pub order_id: String,
    /// Seconds, rounded down.
    pub expires_in: u64,
}

/// Body of a purchase. User, flash sale and product, where given, must be those of the token.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BuyRequest {
    /// Required here or in the query where the buyer is not named by a number.
    #[serde(alias = "UserID", alias = "userId")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::UserText>))]
    user_id: Option<IdText>,
    /// As the reply to the token request gave it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = true))]
    token: Option<String>,
    /// Optional check.
    seckill_id: Option<String>,
    /// Optional check.
    #[serde(alias = "ProductID", alias = "productId")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::ProductText>))]
    product_id: Option<IdText>,
    /// Units; 1 by default, at most `per_user_limit`.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>, minimum = 1, maximum = 2147483647))]
    quantity: Option<Whole>,
}

/// A purchase to attempt, checked as far as possible without Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buy {
    /// `None` where the body names nobody.
    pub user: Option<User>,
    /// Well-formed; may still be expired or forged.
    pub token: Token,
    /// From 1; the sale's limit is not checked.
    pub quantity: u32,
}

impl BuyRequest {
    /// Parses and checks a body.
    ///
    /// # Errors
    /// Where a field is not acceptable, or `SeckillToken` where the token is malformed or for another flash sale.
    pub fn parse(bytes: &[u8]) -> Result<Buy, Rejection> {
        let request: BuyRequest = crate::api::body::parse(bytes)?;
        let quantity = units("quantity", request.quantity.or(Some(Whole(1))))?;
        if quantity == 0 {
            return Err(Rejection::invalid("quantity", "must be at least 1"));
        }
        let text = request.token.ok_or_else(|| required("token"))?;
        let token = Token::parse(&text).ok_or(Rejection::SeckillToken("is not one of ours"))?;
        let other_sale = match &request.seckill_id {
            Some(id) => seckill_id(id)? != token.sale,
            None => false,
        };
        let other_product = match &request.product_id {
            Some(id) => product_id("product_id", &id.0)? != token.sale.product,
            None => false,
        };
        if other_sale || other_product {
            return Err(Rejection::SeckillToken("is for another flash sale"));
        }
        Ok(Buy {
            user: user(request.user_id.as_ref())?,
            token,
            quantity,
        })
    }
}

/// Reply of a purchase: the order is accepted and is being written.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Queued {
    /// Always 10000.
    pub code: u32,
    /// Snowflake in decimal.
    pub order_id: String,
    /// Order number: date of creation (UTC), then 13 characters.
    pub order_no: String,
    /// `queued`; in the answer to a repeat, the order's status once it is written.
    #[cfg_attr(feature = "openapi", schema(example = "queued"))]
    pub status: &'static str,
}

impl Queued {
    /// `written`: the order's status once it is in the database.
    pub fn of(id: OrderId, written: Option<Status>) -> Queued {
        Queued {
            code: crate::api::problem::Code::Success.number(),
            order_id: id.to_string(),
            order_no: id.order_no(),
            status: written.map_or(QUEUED, Status::name),
        }
    }
}

/// Status of an order that was accepted and is not in the database yet.
pub const QUEUED: &str = "queued";

/// A flash sale.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeckillView {
    /// `<product id>-<number>`.
    pub seckill_id: String,
    /// Decimal text.
    pub product_id: String,
    /// Variant whose units are sold, in decimal; `0` where the product has none.
    pub sku_id: String,
    /// As announced.
    pub name: String,
    /// Of one unit.
    pub price: Amount,
    /// Units set aside for it, or to be set aside.
    pub stock: u32,
    /// Units that can be bought now; null before it is preheated, and where that is not known for now.
    pub available_stock: Option<u64>,
    /// Units one buyer may take, in one order.
    pub per_user_limit: u32,
    /// Milliseconds UTC.
    pub starts_at: u64,
    /// Milliseconds UTC; from then on nothing is sold.
    pub ends_at: u64,
    /// `planned` (announced), `open` (preheated: sells between start and end) or `ended`.
    #[cfg_attr(feature = "openapi", schema(example = "open"))]
    pub status: &'static str,
}

impl SeckillView {
    /// `available`: units that can be bought now, `None` where not known.
    pub fn of(
        id: SeckillId,
        plan: &SeckillPlan,
        status: SeckillStatus,
        available: Option<u64>,
    ) -> SeckillView {
        SeckillView {
            seckill_id: id.to_string(),
            product_id: id.product.0.to_string(),
            sku_id: plan.sku.0.to_string(),
            name: plan.name.clone(),
            price: Amount(plan.price),
            stock: plan.stock,
            available_stock: available,
            per_user_limit: plan.per_user_max,
            starts_at: plan.starts_at,
            ends_at: plan.ends_at,
            status: status.name(),
        }
    }
}

/// One flash sale, its fields at the top level of the reply.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeckillReply {
    /// Always 10000.
    pub code: u32,
    /// Its fields are at the top level of the reply.
    #[serde(flatten)]
    pub seckill: SeckillView,
}

/// The flash sales of a preheat, open.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Preheated {
    /// Always 10000.
    pub code: u32,
    /// Each once, in the order they were named.
    pub seckills: Vec<SeckillView>,
}

/// A page of flash sales, the last announced first.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Seckills {
    /// Always 10000.
    pub code: u32,
    /// Empty past the end.
    pub seckills: Vec<SeckillView>,
    /// Flash sales that match, on all pages.
    pub total: u64,
    /// Counted from 1.
    pub page: u32,
    /// Flash sales per page, as asked for.
    pub page_size: u32,
}

#[cfg(test)]
mod tests;
