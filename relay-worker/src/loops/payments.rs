//! Asks the payment provider about payments that nobody has reported, as a report may be lost. What it says is reported
//! to the API, signed, as the provider would have done it: so one place decides what a payment pays.

mod judge;

use crate::clients::database::{Databases, assembled};
use crate::clients::web::Web;
use crate::config::payments::Settings;
use crate::limits::{PAYMENTS_ASKED_MAX, PAYMENTS_EVERY_MS, ROUND_TIMEOUT_MS};
use crate::process::metrics::Metrics;
use crate::process::outage::{Outage, within};
use crate::process::shutdown::Shutdown;
use anyhow::{Context, bail};
use auth::signature::{Signed, sign};
use bytes::Bytes;
use contract::api::amount::Amount;
use contract::api::order::Collected;
use contract::store::sql::NOW_MS;
use domain::hex::hex;
use domain::{Cents, OrderId, Status};
use http::{Request, StatusCode};
use http_body_util::Full;
use judge::{Step, ask_again_ms, judge};
use serde_json::json;
use sqlx::Row as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where the API takes reports.
const CALLBACK: &str = "/v1/payment/callback";

/// The loop of the payments in one shard; their orders may be in others.
pub struct Payments {
    /// Index of the shard.
    pub shard: usize,
    /// All shards.
    pub databases: Databases,
    /// Where to ask, and where to report.
    pub settings: Arc<Settings>,
    /// Counters of the whole process.
    pub metrics: Arc<Metrics>,
    /// Sends both.
    pub web: Web,
}

/// A payment that is to be asked about.
struct Due {
    id: String,
    order: OrderId,
    amount: Option<Cents>,
    /// How often it was asked about before.
    asked: u32,
}

impl Payments {
    /// Runs until shutdown.
    pub async fn run(self, mut shutdown: Shutdown) {
        let mut outage = Outage::new(format!("payments of shard {}", self.shard));
        while !shutdown.requested() {
            let pause = match within(ROUND_TIMEOUT_MS, "payments", self.round()).await {
                Ok(asked) => {
                    outage.over();
                    if asked == PAYMENTS_ASKED_MAX as usize {
                        continue;
                    }
                    Duration::from_millis(PAYMENTS_EVERY_MS)
                }
                Err(error) => outage.failed(&error),
            };
            shutdown.pause(pause).await;
        }
    }

    /// Asks about one batch of payments that are due; returns their number. One that fails is asked about again later.
    ///
    /// # Errors
    /// When a database is away, or the last of those that failed.
    pub async fn round(&self) -> anyhow::Result<usize> {
        let due = self.claim().await?;
        let mut failed = None;
        for payment in &due {
            match self.settle(payment).await {
                Ok(true) => self.forget(payment).await?,
                Ok(false) => {}
                Err(error) => failed = Some(error.context(format!("payment {}", payment.id))),
            }
        }
        failed.map_or(Ok(due.len()), Err)
    }

    /// Takes payments that are due. Before anybody is asked, the next time is set: a relay that dies in between, or a
    /// provider that is away, delays a payment and holds nobody up.
    async fn claim(&self) -> anyhow::Result<Vec<Due>> {
        let find = format!(
            "SELECT payment_id, order_id, amount, asked FROM t_payment WHERE ask_at <= {NOW_MS} ORDER BY ask_at LIMIT ? \
             FOR UPDATE SKIP LOCKED"
        );
        let put_off = format!(
            "UPDATE t_payment SET ask_at = {NOW_MS} + ?, asked = asked + 1 WHERE payment_id = ?"
        );
        let shard = &self.databases.shards[self.shard];
        let mut tx = shard.begin().await?;
        let rows = sqlx::query(assembled(find)).bind(PAYMENTS_ASKED_MAX);
        let mut due = Vec::new();
        for row in rows.fetch_all(&mut *tx).await? {
            let (id, order): (String, u64) = (row.try_get(0)?, row.try_get(1)?);
            let amount: Option<i64> = row.try_get(2)?;
            let asked = row.try_get(3)?;
            let put_off = sqlx::query(assembled(put_off.clone()));
            put_off
                .bind(ask_again_ms(asked))
                .bind(&id)
                .execute(&mut *tx)
                .await?;
            due.push(Due {
                order: OrderId::new(order)
                    .with_context(|| format!("payment {id}: order {order}"))?,
                id,
                amount: amount.and_then(Cents::new),
                asked,
            });
        }
        tx.commit().await?;
        Ok(due)
    }

    /// Whether there is nothing more to ask about a payment.
    async fn settle(&self, payment: &Due) -> anyhow::Result<bool> {
        let (status, paid_by) = self.order(payment.order).await?;
        if paid_by.as_deref() == Some(&payment.id) {
            return Ok(true);
        }
        let said = self.ask(payment).await?;
        let said = said.as_ref();
        match judge(status, said.map(|said| said.status), payment.asked) {
            Step::Report => {
                let amount = said.and_then(|said| said.amount).map(|Amount(cents)| cents);
                self.report(payment, amount.or(payment.amount)).await?;
                self.metrics.payments_recovered.add(1);
                Ok(true)
            }
            Step::AskAgain => Ok(false),
            Step::Forget => Ok(true),
            Step::GiveUp => {
                tracing::error!(
                    payment_id = payment.id,
                    order_id = %payment.order,
                    "the provider never decided about a payment"
                );
                Ok(true)
            }
        }
    }

    /// Status of an order, and the payment that paid it; one that is not there counts as failed.
    async fn order(&self, order: OrderId) -> anyhow::Result<(Status, Option<String>)> {
        let shard = &self.databases.shards[self.databases.shard_of(order)];
        let row = sqlx::query("SELECT status, payment_id FROM t_order WHERE id = ?")
            .bind(order.get())
            .fetch_optional(&shard.pool)
            .await
            .with_context(|| shard.name.clone())?;
        let Some(row) = row else {
            return Ok((Status::Failed, None));
        };
        let code: u8 = row.try_get(0)?;
        let status =
            Status::from_code(code).with_context(|| format!("order {order}: status {code}"))?;
        Ok((status, row.try_get(1)?))
    }

    /// What the provider says; `None` where it does not know the payment.
    async fn ask(&self, payment: &Due) -> anyhow::Result<Option<Collected>> {
        let url = format!("{}/payments/{}", self.settings.payment_url, payment.id);
        let request = Request::get(url).body(Full::default())?;
        let (status, body) = self.web.send(request).await.context("the provider")?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => {
                let said = serde_json::from_slice(&body);
                said.map(Some).context("the provider's answer")
            }
            status => bail!("the provider answered {status}"),
        }
    }

    /// Tells the API that a payment was made. What it refuses for good is recorded there for a refund.
    async fn report(&self, payment: &Due, amount: Option<Cents>) -> anyhow::Result<()> {
        let body = json!({
            "payment_id": payment.id,
            "order_id": payment.order.to_string(),
            "amount": amount.map(Amount),
        });
        let body = body.to_string().into_bytes();
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).context("no random bytes")?;
        let signed = Signed {
            method: "POST",
            path: CALLBACK,
            query: "",
            body: &body,
        };
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = since.map_or(0, |since| since.as_secs());
        let authorization = sign(&self.settings.key, &signed, now, &hex(&nonce))?;
        let request = Request::post(format!("{}{CALLBACK}", self.settings.api_url))
            .header("content-type", "application/json")
            .header("authorization", authorization)
            .body(Full::new(Bytes::from(body)))?;
        let (status, answer) = self.web.send(request).await.context("the API")?;
        match status {
            StatusCode::OK | StatusCode::CONFLICT => Ok(()),
            status => {
                let text: String = String::from_utf8_lossy(&answer).chars().take(300).collect();
                bail!("the API answered {status}: {text}")
            }
        }
    }

    async fn forget(&self, payment: &Due) -> anyhow::Result<()> {
        let shard = &self.databases.shards[self.shard];
        sqlx::query("UPDATE t_payment SET ask_at = NULL WHERE payment_id = ?")
            .bind(&payment.id)
            .execute(&shard.pool)
            .await
            .with_context(|| shard.name.clone())?;
        Ok(())
    }
}
