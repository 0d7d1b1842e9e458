//! Asks the payment provider about payments that nobody has reported, as a report may be lost. What it says is reported
//! to the API, signed, as the provider would have done it: so one place decides what a payment pays.

mod judge;

use crate::clients::database::{Databases, assembled};
use crate::clients::web::Web;
use crate::config::payments::Settings;
use crate::limits::{
    PAYMENT_LEASE_MS, PAYMENT_QUESTIONS_MAX, PAYMENTS_ASKED_MAX, PAYMENTS_AT_ONCE_MAX,
    PAYMENTS_EVERY_MS, ROUND_TIMEOUT_MS,
};
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
use futures::{StreamExt, stream};
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
    /// How often it was asked about before.
    asked: u32,
    /// Until when no other relay asks, by the database's clock. What is written afterwards is written where this still
    /// stands: a buyer may have begun anew meanwhile.
    leased_until: u64,
}

/// What is known of an order.
struct Paying {
    status: Status,
    paid_by: Option<String>,
    /// What it costs.
    amount: Option<Cents>,
}

/// What the API did with a report.
enum Reported {
    /// It pays the order.
    Taken,
    /// It does not, and the money is put down for a refund.
    PutDown,
    /// It is refused.
    Refused(String),
}

/// What is written about a payment after it was asked about.
enum After {
    /// It is asked about again.
    AskAgain(Status),
    /// There is nothing more to ask.
    Forget,
    /// The provider gets no money by it.
    Decline,
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

    /// Asks about one batch of payments that are due; returns their number. One that fails is asked about again when
    /// its lease has ended, and its question does not count.
    ///
    /// # Errors
    /// When a database is away, or the last of those that failed.
    pub async fn round(&self) -> anyhow::Result<usize> {
        let due = self.claim().await?;
        let count = due.len();
        let asking = stream::iter(due).map(|payment| self.ask_about(payment));
        let ended: Vec<_> = asking
            .buffer_unordered(PAYMENTS_AT_ONCE_MAX)
            .collect()
            .await;
        let failed = ended.into_iter().filter_map(Result::err).last();
        failed.map_or(Ok(count), Err)
    }

    async fn ask_about(&self, payment: Due) -> anyhow::Result<()> {
        let asked = async {
            let after = self.settle(&payment).await?;
            self.write(&payment, after).await
        };
        asked
            .await
            .with_context(|| format!("payment {}", payment.id))
    }

    /// Takes payments that are due, for a while: a relay that dies, or a provider that is away, delays a payment by as
    /// much and holds nobody up.
    async fn claim(&self) -> anyhow::Result<Vec<Due>> {
        let find = format!(
            "SELECT payment_id, order_id, asked, CAST({NOW_MS} + ? AS UNSIGNED) FROM t_payment WHERE ask_at <= {NOW_MS} \
             ORDER BY ask_at LIMIT ? FOR UPDATE SKIP LOCKED"
        );
        let shard = &self.databases.shards[self.shard];
        let mut tx = shard.begin().await?;
        let rows = sqlx::query(assembled(find))
            .bind(PAYMENT_LEASE_MS)
            .bind(PAYMENTS_ASKED_MAX);
        let mut due = Vec::new();
        for row in rows.fetch_all(&mut *tx).await? {
            let (id, order): (String, u64) = (row.try_get(0)?, row.try_get(1)?);
            let leased_until: u64 = row.try_get(3)?;
            sqlx::query("UPDATE t_payment SET ask_at = ? WHERE payment_id = ?")
                .bind(leased_until)
                .bind(&id)
                .execute(&mut *tx)
                .await?;
            due.push(Due {
                order: OrderId::new(order)
                    .with_context(|| format!("payment {id}: order {order}"))?,
                id,
                asked: row.try_get(2)?,
                leased_until,
            });
        }
        tx.commit().await?;
        Ok(due)
    }

    /// Asks about a payment, and reports it where there is money.
    async fn settle(&self, payment: &Due) -> anyhow::Result<After> {
        let order = self.order(payment.order).await?;
        if order.paid_by.as_deref() == Some(&payment.id) {
            return Ok(After::Forget);
        }
        let said = self.ask(payment).await?;
        let said = said.as_ref();
        match judge(order.status, said.map(|said| said.status), payment.asked) {
            Step::Report => {
                let amount = said.and_then(|said| said.amount).map(|Amount(cents)| cents);
                match self.report(payment, amount.or(order.amount)).await? {
                    Reported::Taken => self.metrics.payments_recovered.add(1),
                    Reported::PutDown => {}
                    Reported::Refused(reason) if payment.asked >= PAYMENT_QUESTIONS_MAX => {
                        give_up(payment, &reason);
                    }
                    Reported::Refused(reason) => {
                        tracing::error!(payment_id = payment.id, reason, "a payment is refused");
                        return Ok(After::AskAgain(order.status));
                    }
                }
                Ok(After::Forget)
            }
            Step::AskAgain => Ok(After::AskAgain(order.status)),
            Step::Forget => Ok(After::Forget),
            Step::Decline => Ok(After::Decline),
            Step::GiveUp => {
                give_up(payment, "the provider never decided");
                Ok(After::Forget)
            }
        }
    }

    /// Writes what follows, where nobody else has asked or begun anew meanwhile.
    async fn write(&self, payment: &Due, after: After) -> anyhow::Result<()> {
        let (set, wait) = match after {
            After::Forget => ("ask_at = NULL".to_owned(), None),
            After::Decline => (format!("ask_at = NULL, declined_at = {NOW_MS}"), None),
            After::AskAgain(order) => (
                format!("asked = asked + 1, ask_at = {NOW_MS} + ?"),
                Some(ask_again_ms(order, payment.asked)),
            ),
        };
        let write = format!("UPDATE t_payment SET {set} WHERE payment_id = ? AND ask_at = ?");
        let shard = &self.databases.shards[self.shard];
        let mut query = sqlx::query(assembled(write));
        if let Some(wait) = wait {
            query = query.bind(wait);
        }
        query
            .bind(&payment.id)
            .bind(payment.leased_until)
            .execute(&shard.pool)
            .await
            .with_context(|| shard.name.clone())?;
        Ok(())
    }

    /// What is known of an order; one that is not there counts as failed.
    async fn order(&self, order: OrderId) -> anyhow::Result<Paying> {
        let shard = &self.databases.shards[self.databases.shard_of(order)];
        let row = sqlx::query("SELECT status, payment_id, actual_amount FROM t_order WHERE id = ?")
            .bind(order.get())
            .fetch_optional(&shard.pool)
            .await
            .with_context(|| shard.name.clone())?;
        let Some(row) = row else {
            return Ok(Paying {
                status: Status::Failed,
                paid_by: None,
                amount: None,
            });
        };
        let code: u8 = row.try_get(0)?;
        let status =
            Status::from_code(code).with_context(|| format!("order {order}: status {code}"))?;
        Ok(Paying {
            status,
            paid_by: row.try_get(1)?,
            amount: Cents::new(row.try_get(2)?),
        })
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

    /// Tells the API that a payment was made. What cannot pay its order is recorded there for a refund.
    async fn report(&self, payment: &Due, amount: Option<Cents>) -> anyhow::Result<Reported> {
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
        let text = || {
            let text: String = String::from_utf8_lossy(&answer).chars().take(300).collect();
            format!("the API answered {status}: {text}")
        };
        match status {
            StatusCode::OK => Ok(Reported::Taken),
            StatusCode::CONFLICT => Ok(Reported::PutDown),
            StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => Ok(Reported::Refused(text())),
            _ => bail!(text()),
        }
    }
}

/// A person must look.
fn give_up(payment: &Due, reason: &str) {
    tracing::error!(
        payment_id = payment.id,
        order_id = %payment.order,
        reason,
        "a payment is not asked about any more"
    );
}
