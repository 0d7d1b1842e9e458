//! How often somebody may ask (docs/decisions/0026): a user for orders, an address for changes. Both are counted in
//! Redis, which all hosts share, before a function sees the request. Nobody is refused for a limit that cannot be
//! counted.

use crate::caller::{self, Caller};
use crate::log::{self, Level};
use crate::redis::{Answer, Redis};
use crate::{Fault, address, config};
use contract::api::route::limited::Limited;
use contract::store::call::limit::{MINUTE_MS, SECOND_MS, count, take};
use contract::store::redis as keys;
use domain::limits::{ADDRESS_REQUESTS_PER_SECOND_MAX, USER_ORDERS_PER_MINUTE_MAX};
use domain::{Ms, Rejection, Role, UserId};
use futures::future::join;
use http_rules::caller::Mode;
use http_rules::limit::{LEFT_HEADER, Limit, POLICY_HEADER};
use std::net::IpAddr;
use std::sync::OnceLock;

/// Variable with the orders that one user may ask for, a minute; 0 = any number.
const ORDERS: &str = "user_orders_per_minute_max";
/// Variable with the changes that one address may ask for, a second; 0 = any number.
const REQUESTS: &str = "address_requests_per_second_max";

struct Settings {
    user_orders_per_minute_max: u32,
    address_requests_per_second_max: u32,
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

/// Reads the variables, once per instance.
///
/// # Errors
/// Where one is wrong.
async fn settings() -> Result<&'static Settings, Fault> {
    if let Some(settings) = SETTINGS.get() {
        return Ok(settings);
    }
    let (orders, requests) = match caller::mode().await? {
        Mode::Strict => (USER_ORDERS_PER_MINUTE_MAX, ADDRESS_REQUESTS_PER_SECOND_MAX),
        // Its clients know of no limits, and load tests are one user or one address.
        Mode::Compat => (0, 0),
    };
    let settings = Settings {
        user_orders_per_minute_max: config::number_or(ORDERS, orders).await?,
        address_requests_per_second_max: config::number_or(REQUESTS, requests).await?,
    };
    Ok(SETTINGS.get_or_init(|| settings))
}

/// Checks the variables.
///
/// # Errors
/// Where one is wrong.
pub(crate) async fn check_variables() -> Result<(), Fault> {
    address::proxies().await?;
    settings().await.map(drop)
}

/// How a client stands with a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    limit: Limit,
    /// Requests that are still taken.
    more: u32,
    /// Until the window ends, or a token is back.
    ms: Ms,
}

impl Standing {
    /// Headers of the reply.
    pub fn headers(&self) -> [(&'static str, String); 2] {
        let seconds = self.ms.div_ceil(1_000);
        [
            (POLICY_HEADER, self.limit.policy()),
            (LEFT_HEADER, self.limit.left(self.more, seconds)),
        ]
    }
}

/// Why a request does not go on.
#[derive(Debug)]
pub struct Refused {
    /// What its caller learns.
    pub fault: Fault,
    /// With which limit; `None` where a variable is wrong.
    pub standing: Option<Standing>,
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Refused {
        let standing = None;
        Refused { fault, standing }
    }
}

/// What Redis has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counted {
    is_taken: bool,
    standing: Standing,
}

/// Counts a request that is limited in this way. Gives how its user stands, where that was counted. `lines`: of a
/// request header, as they came.
///
/// # Errors
/// `RateLimited`, and where a variable is missing or wrong.
pub async fn check(
    limited: Limited,
    caller: &Caller,
    lines: impl Fn(&'static str) -> Vec<Vec<u8>>,
    trace_id: &str,
) -> Result<Option<Standing>, Refused> {
    if limited == Limited::No {
        return Ok(None);
    }
    let settings = settings().await?;
    let orders_max = settings.user_orders_per_minute_max;
    let user = user(limited, caller).filter(|_| orders_max > 0);
    let requests_max = settings.address_requests_per_second_max;
    let network = match requests_max > 0 && !matches!(caller, Caller::Machine { .. }) {
        true => address::network_of(lines).await?,
        false => None,
    };
    if user.is_none() && network.is_none() {
        return Ok(None);
    }
    let redis = match Redis::open(&config::required("redis_url").await?).await {
        Ok(redis) => redis,
        Err(fault) => {
            not_counted(&fault, trace_id);
            return Ok(None);
        }
    };
    // Their keys may be on different servers of a cluster.
    let (by_user, by_address) = join(
        of_user(&redis, user, orders_max),
        of_network(&redis, network, requests_max),
    )
    .await;
    judge(
        known(by_user, trace_id).flatten(),
        known(by_address, trace_id).flatten(),
    )
}

/// Orders a minute of a user whom the request names, so that only its function knows it; 0 = any number, as where the
/// user was counted already, or is not limited.
///
/// # Errors
/// Where a variable is wrong.
pub async fn of_named_user(caller: &Caller) -> Result<u32, Fault> {
    match caller {
        Caller::Trusted { role: Role::User } => settings()
            .await
            .map(|settings| settings.user_orders_per_minute_max),
        _ => Ok(0),
    }
}

/// The user by whom a request is limited. The staff and machines order for many.
fn user(limited: Limited, caller: &Caller) -> Option<UserId> {
    match (limited, caller) {
        (Limited::ByUser, Caller::Known { user, role }) if *role == Role::User => Some(user.id),
        _ => None,
    }
}

async fn of_user(redis: &Redis, user: Option<UserId>, max: u32) -> Result<Option<Counted>, Fault> {
    let Some(user) = user else {
        return Ok(None);
    };
    let call = count(keys::rate_limit(user), max, MINUTE_MS);
    in_window(&redis.call(&call).await?, max).map(Some)
}

async fn of_network(
    redis: &Redis,
    network: Option<IpAddr>,
    max: u32,
) -> Result<Option<Counted>, Fault> {
    let Some(network) = network else {
        return Ok(None);
    };
    let key = keys::requests_network(&network.to_string());
    let call = take(key, max, SECOND_MS);
    from_bucket(&redis.call(&call).await?, max).map(Some)
}

fn in_window(answer: &Answer, max: u32) -> Result<Counted, Fault> {
    let is_taken: u8 = answer.number(0, "verdict of a window")?;
    Ok(Counted {
        is_taken: is_taken == 1,
        standing: Standing {
            limit: Limit::of_user(max),
            more: answer.number(1, "rest of a window")?,
            ms: answer.number(2, "end of a window")?,
        },
    })
}

fn from_bucket(answer: &Answer, max: u32) -> Result<Counted, Fault> {
    let ms = answer.number(0, "wait")?;
    Ok(Counted {
        is_taken: ms == 0,
        standing: Standing {
            limit: Limit::of_address(max),
            more: 0,
            ms,
        },
    })
}

/// What was counted; `None`, and a line in the log, where it could not be.
fn known<T>(counted: Result<T, Fault>, trace_id: &str) -> Option<T> {
    counted.map_err(|fault| not_counted(&fault, trace_id)).ok()
}

fn not_counted(fault: &Fault, trace_id: &str) {
    let message = format!("a limit is not counted: {fault}");
    log::write(Level::Warn, &message, &[("trace_id", trace_id)]);
}

/// The user's limit before the address's.
fn judge(
    by_user: Option<Counted>,
    by_address: Option<Counted>,
) -> Result<Option<Standing>, Refused> {
    let mut all = [by_user, by_address].into_iter().flatten();
    match all.find(|counted| !counted.is_taken) {
        None => Ok(by_user.map(|counted| counted.standing)),
        Some(Counted { standing, .. }) => {
            let retry_after_ms = standing.ms;
            Err(Refused {
                fault: Rejection::RateLimited { retry_after_ms }.into(),
                standing: Some(standing),
            })
        }
    }
}

#[cfg(test)]
mod tests;
