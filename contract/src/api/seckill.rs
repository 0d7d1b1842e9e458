//! HTTP bodies of flash sales: activities, preheating, tokens, purchases.

use crate::api::amount::Amount;
use crate::api::identity::{self, IdText};
use crate::api::product::product_id;
use domain::limits::PRODUCT_NAME_CHARS_MAX;
use domain::seckill::{SeckillPlan, SeckillStatus};
use domain::{Ms, OrderId, ProductId, Rejection, SeckillId, SkuId, Status, User, calendar};
use serde::{Deserialize, Serialize};

/// Activities one preheat may name.
pub const PREHEAT_MAX: usize = 100;
/// Characters of the random part of a token.
pub const NONCE_CHARS: usize = 32;

/// Body that announces a flash sale.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateSeckillRequest {
    #[cfg_attr(feature = "openapi", schema(value_type = IdText, required = true))]
    product_id: Option<IdText>,
    sku_id: Option<IdText>,
    #[serde(default)]
    name: String,
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::openapi::AmountText, required = true))]
    price: Option<Amount>,
    #[cfg_attr(feature = "openapi", schema(value_type = i64, required = true, minimum = 1))]
    stock: Option<i64>,
    /// Milliseconds UTC, or RFC 3339.
    #[cfg_attr(feature = "openapi", schema(value_type = IdText, required = true))]
    starts_at: Option<IdText>,
    #[cfg_attr(feature = "openapi", schema(value_type = IdText, required = true))]
    ends_at: Option<IdText>,
    /// Units one buyer may take; 1 where absent.
    per_user_limit: Option<i64>,
}

impl CreateSeckillRequest {
    /// # Errors
    /// Which field is wrong.
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
            per_user_max: units("per_user_limit", request.per_user_limit.or(Some(1)))?,
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

pub(crate) fn units(field: &str, value: Option<i64>) -> Result<u32, Rejection> {
    let value = value.ok_or_else(|| required(field))?;
    u32::try_from(value).map_err(|_| Rejection::invalid(field, "must be a positive whole number"))
}

fn moment(field: &str, text: Option<&IdText>) -> Result<Ms, Rejection> {
    let text = text.ok_or_else(|| required(field))?;
    text.number()
        .or_else(|| calendar::parse_rfc3339(&text.0))
        .ok_or_else(|| Rejection::invalid(field, "must be milliseconds or RFC 3339"))
}

/// Body of a preheat: one or several activities, by id, or by product for its newest that is not over.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreheatRequest {
    seckill_id: Option<String>,
    #[serde(default)]
    seckill_ids: Vec<String>,
    product_id: Option<IdText>,
    #[serde(default)]
    product_ids: Vec<IdText>,
}

/// An activity as a caller names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeckillName {
    Id(SeckillId),
    /// The product's activity that is not over and starts first.
    Of(ProductId),
}

impl PreheatRequest {
    /// # Errors
    /// Which field is wrong.
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

/// # Errors
/// Where it is no id of ours: nothing has it then.
pub fn seckill_id(text: &str) -> Result<SeckillId, Rejection> {
    SeckillId::parse(text).ok_or_else(|| Rejection::UnknownSeckill(text.chars().take(64).collect()))
}

/// Body that asks for a token.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenRequest {
    #[serde(alias = "UserID", alias = "userId")]
    user_id: Option<IdText>,
    seckill_id: Option<String>,
    #[serde(alias = "ProductID", alias = "productId")]
    product_id: Option<IdText>,
}

impl TokenRequest {
    /// # Errors
    /// Which field is wrong.
    pub fn parse(bytes: &[u8]) -> Result<(Option<User>, SeckillName), Rejection> {
        let request: TokenRequest = crate::api::body::parse(bytes)?;
        let name = match (&request.seckill_id, &request.product_id) {
            (Some(id), _) => SeckillName::Id(seckill_id(id)?),
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

/// What a token says: `<seckill id>.<user id>.<nonce>`. Only the nonce is secret; Redis knows which is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub sale: SeckillId,
    pub user: u64,
    pub nonce: String,
}

impl Token {
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

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenReply {
    pub code: u32,
    pub token: String,
    pub seckill_id: String,
    pub product_id: String,
    /// The order the token will become.
    pub order_id: String,
    /// Seconds.
    pub expires_in: u64,
}

/// Body that buys. The user and what the token is for must be the token's own.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BuyRequest {
    #[serde(alias = "UserID", alias = "userId")]
    user_id: Option<IdText>,
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = true))]
    token: Option<String>,
    seckill_id: Option<String>,
    #[serde(alias = "ProductID", alias = "productId")]
    product_id: Option<IdText>,
    /// 1 where absent.
    quantity: Option<i64>,
}

/// A purchase to try, checked as far as it can be without Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buy {
    pub user: Option<User>,
    pub token: Token,
    pub quantity: u32,
}

impl BuyRequest {
    /// # Errors
    /// Which field is wrong, or why the token is not for this.
    pub fn parse(bytes: &[u8]) -> Result<Buy, Rejection> {
        let request: BuyRequest = crate::api::body::parse(bytes)?;
        let quantity = units("quantity", request.quantity.or(Some(1)))?;
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

/// Reply of an order that was accepted and is being written.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Queued {
    pub code: u32,
    pub order_id: String,
    pub order_no: String,
    #[cfg_attr(feature = "openapi", schema(example = "queued"))]
    pub status: &'static str,
}

impl Queued {
    /// `written`: the order's state, once it is in the database.
    pub fn of(id: OrderId, written: Option<Status>) -> Queued {
        Queued {
            code: crate::api::problem::Code::Success.number(),
            order_id: id.to_string(),
            order_no: id.order_no(),
            status: written.map_or(QUEUED, Status::name),
        }
    }
}

/// State of an order that was accepted and is not in the database yet.
pub const QUEUED: &str = "queued";

/// A flash sale.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeckillView {
    pub seckill_id: String,
    pub product_id: String,
    pub sku_id: String,
    pub name: String,
    pub price: Amount,
    /// Units set aside for it.
    pub stock: u32,
    /// Units that may be bought now; null before it is preheated.
    pub available_stock: Option<u64>,
    pub per_user_limit: u32,
    pub starts_at: Ms,
    pub ends_at: Ms,
    #[cfg_attr(feature = "openapi", schema(example = "open"))]
    pub status: &'static str,
}

impl SeckillView {
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

/// One flash sale alone at the top of a reply.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeckillReply {
    pub code: u32,
    #[serde(flatten)]
    pub seckill: SeckillView,
}

/// Flash sales that a preheat has loaded.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Preheated {
    pub code: u32,
    pub seckills: Vec<SeckillView>,
}

/// A page of flash sales, the last announced first.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Seckills {
    pub code: u32,
    pub seckills: Vec<SeckillView>,
    pub total: u64,
    pub page: u32,
    pub page_size: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_read_back_and_nothing_else_does() {
        let token = Token {
            sale: SeckillId::parse("1-3").unwrap(),
            user: 7,
            nonce: "0123456789abcdef0123456789abcdef".to_owned(),
        };
        assert_eq!(Token::parse(&token.to_string()), Some(token.clone()));
        for bad in [
            "",
            "1-3.7",
            "1-3.7.zz",
            "1-3.-7.0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(Token::parse(bad), None, "{bad}");
        }
        assert_eq!(Token::parse(&format!("{token}.x")), None);
    }

    #[test]
    fn a_purchase_is_for_what_its_token_is_for() {
        let token = "1-3.7.0123456789abcdef0123456789abcdef";
        let buy =
            |more: &str| BuyRequest::parse(format!(r#"{{"token":"{token}"{more}}}"#).as_bytes());
        assert_eq!(buy("").unwrap().quantity, 1);
        assert!(buy(r#","product_id":1,"seckill_id":"1-3","quantity":2"#).is_ok());
        for other in [r#","product_id":2"#, r#","seckill_id":"1-4""#] {
            assert!(
                matches!(buy(other), Err(Rejection::SeckillToken(_))),
                "{other}"
            );
        }
        assert!(matches!(
            buy(r#","quantity":0"#),
            Err(Rejection::Invalid { .. })
        ));
        assert!(matches!(
            buy(r#","quantity":-1"#),
            Err(Rejection::Invalid { .. })
        ));
    }

    #[test]
    fn plans_name_what_is_wrong() {
        let good = r#"{"product_id":1,"price":9.9,"stock":100,"starts_at":1000,"ends_at":"1970-01-01T00:00:02Z"}"#;
        let plan = CreateSeckillRequest::parse(good.as_bytes(), 0).unwrap();
        assert_eq!((plan.per_user_max, plan.ends_at), (1, 2_000));
        for (from, to, field) in [
            ("\"stock\":100", "\"stock\":0", "stock"),
            ("\"starts_at\":1000,", "", "starts_at"),
            ("\"price\":9.9", "\"price\":-1", "price"),
            ("\"starts_at\":1000", "\"starts_at\":\"soon\"", "starts_at"),
        ] {
            match CreateSeckillRequest::parse(good.replace(from, to).as_bytes(), 0) {
                Err(Rejection::Invalid { field: found, .. }) => assert_eq!(found, field),
                other => panic!("{other:?}"),
            }
        }
    }
}
