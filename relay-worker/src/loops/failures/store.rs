//! The table of failures. A message is in it once, however often it is delivered.

use crate::clients::database::{Database, code};
use crate::loops::outbox::plan::shortened;
use crate::process::metrics::Metrics;
use contract::api::failure::FailureStatus;
use contract::store::sql::NOW_MS;
use contract::wire::intake::Intake;
use contract::wire::seckill_message::ForeignPurchase;
use domain::backoff::failure_retry_ms;
use domain::limits::FAILURE_MESSAGE_BYTES_MAX;
use std::sync::{Arc, LazyLock};
use tokio::sync::Notify;

const SECKILL_ID_CHARS_MAX: usize = 64;
const MESSAGE_ID_CHARS_MAX: usize = 191;

/// Where a message came from; the column `source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageSource {
    /// An intake stream.
    Intake,
    /// The Kafka topic of flash-sale purchases.
    Kafka,
    /// The RabbitMQ queue of flash-sale purchases.
    RabbitMq,
}

impl MessageSource {
    /// As it is stored: `intake`, `kafka` or `rabbitmq`.
    pub const fn name(self) -> &'static str {
        match self {
            MessageSource::Intake => "intake",
            MessageSource::Kafka => "kafka",
            MessageSource::RabbitMq => "rabbitmq",
        }
    }

    /// Parses a stored name; `None` for anything else.
    pub fn parse(text: &str) -> Option<MessageSource> {
        use MessageSource::{Intake, Kafka, RabbitMq};
        [Intake, Kafka, RabbitMq]
            .into_iter()
            .find(|source| source.name() == text)
    }
}

/// What a message is about, as far as it says; `None` where it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// Order id; another system's message has none.
    pub order: Option<u64>,
    /// The buyer.
    pub user: Option<u64>,
    /// Product of the purchase, or of an order's first line.
    pub product: Option<u64>,
    /// Flash sale; cut to its column when it is stored.
    pub seckill_id: Option<String>,
}

impl From<&Intake> for Ids {
    fn from(intake: &Intake) -> Ids {
        match intake {
            Intake::Purchase(purchase) => Ids {
                order: Some(purchase.order.get()),
                user: Some(purchase.user.id.get()),
                product: Some(purchase.product.0),
                seckill_id: Some(purchase.seckill_id.clone()),
            },
            Intake::Order(accepted) => {
                let order = &accepted.event.order;
                let first = order.items.first();
                Ids {
                    order: order.id.parse().ok(),
                    user: order.user_id.parse().ok(),
                    product: first.and_then(|item| item.product_id.parse().ok()),
                    seckill_id: None,
                }
            }
        }
    }
}

impl From<&ForeignPurchase> for Ids {
    fn from(message: &ForeignPurchase) -> Ids {
        Ids {
            order: None,
            user: Some(message.user),
            product: Some(message.product.0),
            seckill_id: Some(message.seckill_id.clone()),
        }
    }
}

/// A message that did not become an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Unique together with `message_id`.
    pub source: MessageSource,
    /// Identifies the message in its source, such as `<stream>/<entry id>`; one failure each.
    pub message_id: String,
    /// The body, or an intake entry's fields as JSON; cut to `FAILURE_MESSAGE_BYTES_MAX` when it is stored.
    pub raw: Vec<u8>,
    /// For searches.
    pub ids: Ids,
    /// Why it is no order; cut to its column when it is stored.
    pub error: String,
    /// Given up at once: what it held must have been released before.
    pub last: bool,
}

/// Where failures are stored.
#[derive(Clone)]
pub struct Failures {
    /// The inventory database.
    pub database: Database,
    /// Counters and gauges of the whole process.
    pub metrics: Arc<Metrics>,
    /// Wakes the loop that retries them.
    pub hint: Arc<Notify>,
}

static INSERT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO order_failures (source, message_id, order_id, user_id, product_id, seckill_id, message_data, error_message, \
         status, next_retry_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, {NOW_MS} + ?, {NOW_MS}, {NOW_MS})"
    )
});
/// The message is in the table already.
const DUPLICATE: u16 = 1062;

impl Failures {
    /// Stores failures in one transaction, each once. After this their messages may be acknowledged.
    ///
    /// # Errors
    /// When the database fails; none is stored then.
    pub async fn record(&self, failures: &[Failed]) -> anyhow::Result<()> {
        if failures.is_empty() {
            return Ok(());
        }
        let mut tx = self.database.begin().await?;
        let mut fresh = Vec::with_capacity(failures.len());
        for failure in failures {
            let status = match failure.last {
                true => FailureStatus::Failed,
                false => FailureStatus::Pending,
            };
            let raw = &failure.raw[..failure.raw.len().min(FAILURE_MESSAGE_BYTES_MAX)];
            let inserted = sqlx::query(INSERT.as_str())
                .bind(failure.source.name())
                .bind(cut(&failure.message_id, MESSAGE_ID_CHARS_MAX))
                .bind(failure.ids.order)
                .bind(failure.ids.user)
                .bind(failure.ids.product)
                .bind(
                    failure
                        .ids
                        .seckill_id
                        .as_deref()
                        .map(|id| cut(id, SECKILL_ID_CHARS_MAX)),
                )
                .bind(raw)
                .bind(shortened(&failure.error))
                .bind(status.code())
                .bind(failure_retry_ms(1).unwrap_or_default())
                .execute(&mut *tx)
                .await;
            match inserted {
                Ok(_) => fresh.push(true),
                Err(error) if code(&error) == Some(DUPLICATE) => fresh.push(false),
                Err(error) => return Err(error.into()),
            }
        }
        tx.commit().await?;
        for (failure, _) in failures.iter().zip(fresh).filter(|(_, fresh)| *fresh) {
            self.told(failure);
        }
        self.hint.notify_one();
        Ok(())
    }

    fn told(&self, failure: &Failed) {
        let (source, message_id) = (failure.source.name(), failure.message_id.as_str());
        let order_id = failure.ids.order;
        if failure.last {
            self.metrics.failures.failed.add(1);
            tracing::error!(source, message_id, order_id, "given up: {}", failure.error);
        } else {
            self.metrics.failures.pending.add(1);
            tracing::warn!(
                source,
                message_id,
                order_id,
                "no order yet: {}",
                failure.error
            );
        }
    }
}

fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}
