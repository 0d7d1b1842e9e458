//! The table of failures. A message is in it once, however often it comes.

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

/// Where a message came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageSource {
    Intake,
    Kafka,
    RabbitMq,
}

impl MessageSource {
    pub const fn name(self) -> &'static str {
        match self {
            MessageSource::Intake => "intake",
            MessageSource::Kafka => "kafka",
            MessageSource::RabbitMq => "rabbitmq",
        }
    }

    pub fn parse(text: &str) -> Option<MessageSource> {
        use MessageSource::{Intake, Kafka, RabbitMq};
        [Intake, Kafka, RabbitMq]
            .into_iter()
            .find(|source| source.name() == text)
    }
}

/// Whom and what a message is about, as far as it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    pub order: Option<u64>,
    pub user: Option<u64>,
    pub product: Option<u64>,
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

/// A message that is no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub source: MessageSource,
    /// Where it stood, such as `topic-partition-offset`: one failure each.
    pub message_id: String,
    /// As it came.
    pub raw: Vec<u8>,
    pub ids: Ids,
    pub error: String,
    /// Given up at once: what it held must have been returned.
    pub last: bool,
}

/// Where failures are put down.
#[derive(Clone)]
pub struct Failures {
    pub database: Database,
    pub metrics: Arc<Metrics>,
    /// The loop that retries them.
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
    /// Puts them down, in one transaction. After this the messages may be acknowledged where they came from.
    ///
    /// # Errors
    /// When the database fails; none is put down then.
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
