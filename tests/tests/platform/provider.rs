//! Buyers pay through a payment provider that reports late, twice, too late, or never: each order ends paid once, or
//! its money is put down for a refund.

use anyhow::{Context, Result, ensure};
use domain::Role;
use platform::client::{Client, Reply};
use platform::shop::{PRICE, buyer, key};
use platform::{Options, Platform, SHARDS, soon};
use serde_json::json;
use stack::provider::{Manner, Provider};
use stack::{Process, free_port};
use std::time::Duration;
use tests::{signatures, tokens};

/// Of no process: nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

/// A platform whose buyers pay through a provider.
struct Shop {
    provider: Provider,
    api: Client,
    product: u64,
    _host: Process,
    relay: Process,
    platform: Platform,
}

/// A buyer's order.
struct Bought {
    id: String,
    token: String,
    payment: String,
}

impl Bought {
    /// The same order with its second payment.
    fn again(&self) -> Bought {
        Bought {
            payment: format!("order-{}-2", self.id),
            id: self.id.clone(),
            token: self.token.clone(),
        }
    }
}

impl Shop {
    fn open() -> Result<Shop> {
        let platform = Platform::start(Options::default())?;
        let product = platform.product(100, "redis")?;
        let key = signatures::provider(&platform)?.to_owned();
        let port = free_port()?;
        let payment_url = format!("http://127.0.0.1:{port}");
        let strict = [("AUTH_MODE", "strict"), ("PAYMENT_URL", &*payment_url)];
        let (host, api) = platform.host_with("host-payments", &strict)?;
        let signing = key.clone();
        let provider =
            Provider::start(Some(port), Manner::AtOnce, api.base(), move |path, body| {
                signatures::now(&signing, "POST", path, std::str::from_utf8(body)?)
            })?;
        // The embedded broker is in the relay; only one may run.
        platform.relay.stop()?;
        let own = [
            ("PAYMENT_URL", provider.url()),
            ("API_URL", api.base()),
            ("MACHINE_KEY", &*key),
        ];
        let relay = platform.relay_with("relay-payments", &own)?;
        Ok(Shop {
            provider,
            api,
            product,
            _host: host,
            relay,
            platform,
        })
    }

    /// An order of one unit, which costs [`PRICE`].
    fn order(&self) -> Result<Bought> {
        let token = tokens::of(&self.platform, &buyer().to_string(), Role::User)?;
        let body = json!({ "items": [{ "product_id": self.product, "quantity": 1 }] });
        let created = self.send(&token, "/v1/order/create", &body.to_string())?;
        let id = created.expect(200)?.text_at("/order_id").to_owned();
        Ok(Bought {
            payment: format!("order-{id}"),
            id,
            token,
        })
    }

    fn send(&self, token: &str, path: &str, body: &str) -> Result<Reply> {
        let bearer = format!("Bearer {token}");
        let key = key();
        let headers = [
            ("authorization", &*bearer),
            ("content-type", "application/json"),
            ("idempotency-key", &*key),
        ];
        self.api.send("POST", path, &headers, body)
    }

    fn pay(&self, order: &Bought) -> Result<Reply> {
        self.send(&order.token, &format!("/v1/order/{}/pay", order.id), "")
    }

    fn cancel(&self, order: &Bought) -> Result<()> {
        let path = format!("/v1/order/{}/cancel", order.id);
        self.send(&order.token, &path, "{}")?.expect(200).map(drop)
    }

    fn over_shards(&self, query: impl Fn(u64) -> String) -> Result<i64> {
        (0..SHARDS)
            .map(|shard| self.platform.number(&query(shard)))
            .sum()
    }

    /// Orders that this payment paid, and refunds that are due for it.
    fn books(&self, order: &Bought) -> Result<(i64, i64)> {
        let payment = &order.payment;
        let paid = self.over_shards(|shard| {
            format!(
                "SELECT COUNT(*) FROM order_{shard}.t_order WHERE payment_id = '{payment}' AND status = 1"
            )
        })?;
        let due = self.over_shards(|shard| {
            format!("SELECT COUNT(*) FROM order_{shard}.v_refund WHERE payment_id = '{payment}'")
        })?;
        Ok((paid, due))
    }

    fn ends(&self, order: &Bought, books: (i64, i64)) -> Result<()> {
        soon("the end of a payment", || {
            let now = self.books(order)?;
            ensure!(now == books, "{now:?}, {books:?} wanted");
            Ok(())
        })
    }

    /// The time has come to ask about a payment.
    fn is_due(&self, order: &Bought) -> Result<()> {
        let payment = &order.payment;
        for shard in 0..SHARDS {
            self.platform.sql(&format!(
                "UPDATE order_{shard}.t_payment SET ask_at = 1 WHERE payment_id = '{payment}' AND ask_at IS NOT NULL"
            ))?;
        }
        Ok(())
    }

    /// Rows of the payment that are still to be asked about.
    fn open_questions(&self, order: &Bought) -> Result<i64> {
        let payment = &order.payment;
        self.over_shards(|shard| {
            format!(
                "SELECT COUNT(*) FROM order_{shard}.t_payment WHERE payment_id = '{payment}' AND ask_at IS NOT NULL"
            )
        })
    }

    fn is_settled(&self, order: &Bought) -> Result<()> {
        soon("nothing to ask any more", || {
            let open = self.open_questions(order)?;
            ensure!(open == 0, "{open} rows");
            Ok(())
        })
    }
}

#[test]
fn every_payment_ends_paid_or_put_down() -> Result<()> {
    let shop = Shop::open()?;
    at_once(&shop)?;
    reported_late_and_twice(&shop)?;
    declined(&shop)?;
    of_another_amount(&shop)?;
    of_an_amount_of_the_buyers_own(&shop)?;
    reported_when_cancelled(&shop)?;
    paid_and_cancelled(&shop)?;
    never_reported(&shop)?;
    never_reported_and_cancelled(&shop)?;
    undecided(&shop)?;
    others_and_strangers(&shop)?;
    let relay = shop.platform.metrics_of(&shop.relay)?;
    let recovered = relay
        .lines()
        .find_map(|line| line.strip_prefix("relay_payments_recovered_total "))
        .context("the counter")?;
    assert_eq!(recovered, "1");
    shop.platform.reconcile().map(drop)
}

fn at_once(shop: &Shop) -> Result<()> {
    let order = shop.order()?;
    for _ in 0..2 {
        let paid = shop.pay(&order)?.expect(200)?;
        assert_eq!(paid.text_at("/order/status"), "paid");
    }
    shop.ends(&order, (1, 0))?;
    // The relay finds it paid, and asks nobody.
    shop.is_due(&order)?;
    shop.is_settled(&order)?;
    assert_eq!(shop.provider.asked(&order.payment), Some(0));
    Ok(())
}

fn reported_late_and_twice(shop: &Shop) -> Result<()> {
    let order = shop.order()?;
    let before = shop.provider.answers().len();
    shop.provider
        .set(Manner::Later(vec![Duration::from_millis(200); 2]));
    let asked = shop.pay(&order)?.expect(202)?;
    assert_eq!(
        (asked.text_at("/status"), asked.text_at("/payment_id")),
        ("pending", &*order.payment)
    );
    shop.ends(&order, (1, 0))?;
    soon("both reports", || {
        let answers = shop.provider.answers();
        ensure!(answers[before..] == [200, 200], "{answers:?}");
        Ok(())
    })
}

fn declined(shop: &Shop) -> Result<()> {
    let order = shop.order()?;
    shop.provider.set(Manner::Declines);
    let refused = shop.pay(&order)?;
    assert_eq!((refused.status, refused.code()), (409, 20009));
    assert_eq!(shop.books(&order)?, (0, 0));
    assert_eq!(shop.open_questions(&order)?, 0, "it has ended");
    // The buyer tries again: by another payment, as providers keep the first declined.
    shop.provider.set(Manner::AtOnce);
    shop.pay(&order)?.expect(200)?;
    shop.ends(&order.again(), (1, 0))
}

fn of_another_amount(shop: &Shop) -> Result<()> {
    let order = shop.order()?;
    shop.provider.set(Manner::Undecided);
    shop.pay(&order)?.expect(202)?;
    for _ in 0..2 {
        assert_eq!(shop.provider.report(&order.payment, Some("0.01"))?, 409);
        assert_eq!(shop.books(&order)?, (0, 1));
    }
    // What is put down pays nothing, whatever is said of it later.
    assert_eq!(shop.provider.report(&order.payment, Some(PRICE))?, 409);
    assert_eq!(shop.books(&order)?, (0, 1));
    // The buyer pays anew.
    let again = order.again();
    let asked = shop.pay(&order)?.expect(202)?;
    assert_eq!(asked.text_at("/payment_id"), again.payment);
    assert_eq!(shop.provider.report(&again.payment, Some(PRICE))?, 200);
    assert_eq!((shop.books(&order)?, shop.books(&again)?), ((0, 1), (1, 0)));
    // The relay hears of an amount that nobody reported.
    let order = shop.order()?;
    shop.pay(&order)?.expect(202)?;
    shop.provider.settle_with(&order.payment, "paid", "0.01");
    shop.is_due(&order)?;
    shop.ends(&order, (0, 1))?;
    shop.is_settled(&order)
}

/// The provider is not asked for what the order does not cost.
fn of_an_amount_of_the_buyers_own(shop: &Shop) -> Result<()> {
    let order = shop.order()?;
    let path = format!("/v1/order/{}/pay", order.id);
    let refused = shop.send(&order.token, &path, r#"{"amount": "0.01"}"#)?;
    assert_eq!((refused.status, refused.code()), (409, 20007));
    assert_eq!(shop.provider.asked(&order.payment), None);
    Ok(())
}

/// An order that was paid and then cancelled is not paid.
fn paid_and_cancelled(shop: &Shop) -> Result<()> {
    let order = shop.order()?;
    shop.provider.set(Manner::AtOnce);
    shop.pay(&order)?.expect(200)?;
    let admin = tokens::of(&shop.platform, "1", Role::Admin)?;
    let path = format!("/v1/order/{}/cancel", order.id);
    shop.send(&admin, &path, "{}")?.expect(200)?;
    let refused = shop.pay(&order)?;
    assert_eq!(
        (refused.status, refused.code()),
        (409, 20005),
        "{}",
        refused.text
    );
    Ok(())
}

fn reported_when_cancelled(shop: &Shop) -> Result<()> {
    let order = shop.order()?;
    shop.provider.set(Manner::Undecided);
    shop.pay(&order)?.expect(202)?;
    shop.cancel(&order)?;
    shop.provider.settle(&order.payment, "paid");
    for _ in 0..2 {
        assert_eq!(shop.provider.report(&order.payment, None)?, 409);
    }
    assert_eq!(shop.books(&order)?, (0, 1));
    Ok(())
}

fn never_reported(shop: &Shop) -> Result<()> {
    let order = shop.order()?;
    shop.provider.set(Manner::Silent);
    shop.pay(&order)?.expect(202)?;
    assert_eq!(
        shop.open_questions(&order)?,
        1,
        "recorded before the provider is asked"
    );
    shop.is_due(&order)?;
    shop.ends(&order, (1, 0))?;
    shop.is_settled(&order)
}

fn never_reported_and_cancelled(shop: &Shop) -> Result<()> {
    let order = shop.order()?;
    shop.provider.set(Manner::Silent);
    shop.pay(&order)?.expect(202)?;
    shop.cancel(&order)?;
    shop.is_due(&order)?;
    shop.ends(&order, (0, 1))?;
    shop.is_settled(&order)
}

/// A provider that has not decided is asked again, and again.
fn undecided(shop: &Shop) -> Result<()> {
    let order = shop.order()?;
    shop.provider.set(Manner::Undecided);
    shop.pay(&order)?.expect(202)?;
    for times in 1..3 {
        shop.is_due(&order)?;
        soon("a question", || {
            let asked = shop.provider.asked(&order.payment);
            ensure!(asked == Some(times), "{asked:?}");
            Ok(())
        })?;
    }
    assert_eq!(shop.books(&order)?, (0, 0));
    assert_eq!(shop.open_questions(&order)?, 1);
    // It has declined: nothing can come of it any more.
    shop.provider.settle(&order.payment, "failed");
    shop.is_due(&order)?;
    shop.is_settled(&order)?;
    assert_eq!(shop.books(&order)?, (0, 0));
    Ok(())
}

/// Nobody pays another's order, and a buyer's word pays none.
fn others_and_strangers(shop: &Shop) -> Result<()> {
    shop.provider.set(Manner::AtOnce);
    let (order, other) = (shop.order()?, shop.order()?);
    let path = format!("/v1/order/{}/pay", order.id);
    let refused = shop.send(&other.token, &path, "")?;
    assert_eq!((refused.status, refused.code()), (404, 20001));
    assert_eq!(shop.provider.asked(&order.payment), None);
    let word = json!({ "payment_id": "order-1", "amount": PRICE }).to_string();
    let (_host, without) = shop
        .platform
        .host_with("host-unpaid", &[("AUTH_MODE", "strict")])?;
    let bearer = format!("Bearer {}", order.token);
    let headers = [
        ("authorization", &*bearer),
        ("content-type", "application/json"),
    ];
    let refused = without.send("POST", &path, &headers, &word)?;
    assert_eq!(
        (refused.status, refused.code()),
        (403, 10006),
        "{}",
        refused.text
    );
    // The provider is away: nothing is paid, and the same request works when it is back.
    let away = [("AUTH_MODE", "strict"), ("PAYMENT_URL", NOWHERE)];
    let (_host, away) = shop.platform.host_with("host-away", &away)?;
    let refused = away.send("POST", &path, &headers, "")?;
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert_eq!(shop.books(&order)?, (0, 0));
    shop.pay(&order)?.expect(200)?;
    shop.ends(&order, (1, 0))
}
