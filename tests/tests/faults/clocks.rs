//! Redis, host and relay with wall clocks an hour off, each in a different direction and jumping while they run:
//! nothing is cancelled early, nothing waits until the clocks agree again, and a sale goes on.

use crate::{alone, audit};
use anyhow::{Context, Result, ensure};
use platform::client::Reply;
use platform::sale::{Sale, buy, token, token_in};
use platform::shop::{buyer, key, order_body};
use platform::{Options, Platform, soon};
use std::collections::HashSet;

const HOUR_S: i64 = 3_600;
/// Hours that Redis, host and relay are ahead; the databases' clock is right.
const HOURS_AHEAD: [[i64; 3]; 7] = [
    [0, 0, 0],
    [1, 0, 0],
    [-1, 0, 0],
    [0, 1, -1],
    [0, -1, 1],
    [-1, 1, 1],
    // Not back to the right time: keys that Redis expires after half a minute would then live for an hour.
    [1, 0, 0],
];

struct Shop<'a> {
    platform: &'a Platform,
    products: [u64; 2],
    sale: Sale,
    /// Buyers and their orders.
    orders: Vec<(u64, String)>,
}

impl Shop<'_> {
    fn accepted(&mut self, user: u64, reply: &Reply) -> Result<String> {
        ensure!(reply.status / 100 == 2, "{} {}", reply.status, reply.text);
        let order = reply.text_at("/order_id").to_owned();
        self.orders.push((user, order.clone()));
        Ok(order)
    }

    fn create(&mut self, product: u64, prefer: &str) -> Result<String> {
        let (user, key) = (buyer(), key());
        let headers = [("idempotency-key", key.as_str()), ("prefer", prefer)];
        let body = order_body(user, product, 1);
        let api = self.platform.api.clone();
        let place = || api.post_with("/v1/order/create", &headers, &body);
        let order = self.accepted(user, &place()?)?;
        let again = place()?;
        ensure!(
            again.status / 100 == 2 && again.text_at("/order_id") == order,
            "repeated: {}",
            again.text
        );
        Ok(order)
    }

    /// Places one order of each kind.
    fn day(&mut self) -> Result<()> {
        let api = &self.platform.api;
        for product in self.products {
            self.create(product, "wait=1")?;
            let paid = self.create(product, "wait=1")?;
            let (user, _) = self.orders[self.orders.len() - 1];
            let pay = serde_json::json!({ "user_id": user, "payment_id": format!("pay-{paid}") });
            api.post(&format!("/v1/order/{paid}/pay"), &pay)?
                .expect(200)?;
            self.create(product, "respond-async")?;
        }
        let user = buyer();
        let token = token_in(&token(api, &self.sale, user)?)?;
        let bought = buy(api, user, &token, 1)?;
        self.accepted(user, &bought)?;
        Ok(())
    }

    /// Whether all orders are written and all their messages confirmed.
    fn settled(&self) -> Result<()> {
        for (user, order) in &self.orders {
            let rows = self.platform.outbox_of(*user, order)?;
            ensure!(
                !rows.is_empty() && rows.iter().all(|status| status == "2"),
                "order {order} of {user}: {rows:?}"
            );
        }
        Ok(())
    }
}

#[test]
fn clocks_an_hour_apart_and_jumping() -> Result<()> {
    let _alone = alone();
    let platform = Platform::start(Options {
        clocks: true,
        ..Options::default()
    })?;
    let clocks = platform.clocks.as_ref().context("no clocks")?;
    let processes = [&platform.redis.process, &platform.host, &platform.relay];
    let each = [&clocks.redis, &clocks.host, &clocks.relay];
    for (process, clock) in processes.into_iter().zip(each) {
        clock.is_used_by(process)?;
    }
    let sale = platform.announce(100, 1, -2 * HOUR_S * 1_000, 4 * HOUR_S * 1_000)?;
    platform.preheat(&sale)?.expect(200)?;
    let mut shop = Shop {
        platform: &platform,
        products: [
            platform.product(100, "redis")?,
            platform.product(100, "db")?,
        ],
        sale,
        orders: Vec::new(),
    };
    for hours in HOURS_AHEAD {
        for (clock, hours) in each.into_iter().zip(hours) {
            clock.set(hours * HOUR_S)?;
        }
        shop.day().with_context(|| format!("{hours:?}"))?;
        soon("every order, confirmed", || shop.settled()).with_context(|| format!("{hours:?}"))?;
    }
    let ids: HashSet<&String> = shop.orders.iter().map(|(_, order)| order).collect();
    ensure!(ids.len() == 7 * HOURS_AHEAD.len() && ids.len() == shop.orders.len());
    for shard in 0..platform::SHARDS {
        let cancelled = platform.number(&format!(
            "SELECT COUNT(*) FROM order_{shard}.t_order WHERE status NOT IN (0, 1)"
        ))?;
        ensure!(cancelled == 0, "{cancelled} orders cancelled");
    }
    platform.reconcile()?;
    audit::nothing_odd(&platform, &platform.relay)
}
