//! Buyers of a flash sale and their tokens: the requests they send, and the tokens they get.

use crate::load::{self, Load, Seen};
use crate::wire;
use anyhow::{Result, ensure};
use std::cell::RefCell;
use std::rc::Rc;

/// A buyer with a token.
pub type Bearer = (u64, String);

/// A request for a token.
pub fn ask(user: u64, sale: &str) -> Vec<u8> {
    let body = format!(r#"{{"user_id":{user},"seckill_id":"{sale}"}}"#);
    wire::post("/api/v1/seckill/token", &body)
}

/// A request for one unit.
pub fn purchase((user, token): &Bearer) -> Vec<u8> {
    let body = format!(r#"{{"user_id":{user},"token":"{token}"}}"#);
    wire::post("/api/v1/seckill/buy", &body)
}

/// Gets tokens for all these buyers; the tokens, and measurements of getting them.
///
/// # Errors
/// Where a buyer got none.
pub fn tokens(
    load: &Load<'_>,
    sale: &str,
    buyers: impl ExactSizeIterator<Item = u64> + 'static,
) -> Result<(Vec<Bearer>, Seen)> {
    let count = buyers.len();
    let (mut buyers, sale) = (buyers, sale.to_owned());
    let got = Rc::new(RefCell::new(Vec::with_capacity(count)));
    let keep = got.clone();
    let judge = move |_: &[u8], reply: &wire::Reply<'_>| {
        let token = wire::text_field(reply.body, "token").filter(|_| reply.status == 200);
        let user = token.and_then(|token| token.split('.').nth(1)?.parse().ok());
        let (Some(user), Some(token)) = (user, token) else {
            return false;
        };
        keep.borrow_mut().push((user, token.to_owned()));
        true
    };
    let next = move || buyers.next().map(|user| ask(user, &sale));
    let seen = load::run(load, next, judge)?;
    ensure!(
        seen.bad == 0 && seen.good == count as u64,
        "{} of {count} buyers got no token",
        count as u64 - seen.good
    );
    Ok((got.take(), seen))
}
