//! The relay's Redis connection: reconnects by itself, bounded waits, scripts by their SHA-1 in pipelines,
//! and loaded again where the server has forgotten them.

use crate::limits::REDIS_TIMEOUT_MS;
use anyhow::Context;
use contract::store::redis::Script;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{
    Client, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, ServerErrorKind,
};
use std::time::Duration;

/// Commands of one pipeline.
const PIPELINE_CALLS_MAX: usize = 500;

#[derive(Clone)]
pub struct Redis {
    client: Client,
    connection: ConnectionManager,
}

/// One call of a script.
#[derive(Clone, Debug)]
pub struct Call {
    pub keys: Vec<String>,
    pub arguments: Vec<String>,
}

impl Redis {
    /// Opens lazily: a server that is away is found out by the first command.
    ///
    /// # Errors
    /// When the URL is none; the text is not shown.
    pub fn open(url: &str) -> Result<Redis, String> {
        const SHAPE: &str = "must look like redis://[USER:PASSWORD@]HOST:PORT/DATABASE";
        let client = Client::open(url).map_err(|_| SHAPE.to_owned())?;
        let limit = Some(Duration::from_millis(REDIS_TIMEOUT_MS));
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(limit)
            .set_connection_timeout(limit)
            .set_number_of_retries(1);
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config)
            .map_err(|_| SHAPE.to_owned())?;
        Ok(Redis { client, connection })
    }

    /// For subscriptions, which need a connection of their own.
    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn connection(&self) -> ConnectionManager {
        self.connection.clone()
    }

    /// Runs a script once per call, in pipelines; the replies are in the order of the calls.
    ///
    /// # Errors
    /// When Redis is away or a script fails; some calls may have run then, as every script may be repeated.
    pub async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        calls: &[Call],
    ) -> anyhow::Result<Vec<T>> {
        let sha = redis::Script::new(script.text).get_hash().to_owned();
        let mut replies = Vec::with_capacity(calls.len());
        for calls in calls.chunks(PIPELINE_CALLS_MAX) {
            let pipeline = pipeline(&sha, calls);
            let mut connection = self.connection();
            let outcome: RedisResult<Vec<T>> = pipeline.query_async(&mut connection).await;
            let some = match outcome {
                Err(error) if is_unknown(&error) => {
                    self.load(script).await?;
                    pipeline.query_async(&mut connection).await
                }
                outcome => outcome,
            };
            replies.extend(some.with_context(|| format!("Redis, script {}", script.name))?);
        }
        Ok(replies)
    }

    /// As `run`, where a call that the server refuses is no reason to do without the others.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn run_each<T: FromRedisValue>(
        &self,
        script: &Script,
        calls: &[Call],
    ) -> anyhow::Result<Vec<anyhow::Result<T>>> {
        let sha = redis::Script::new(script.text).get_hash().to_owned();
        let mut replies = Vec::with_capacity(calls.len());
        for calls in calls.chunks(PIPELINE_CALLS_MAX) {
            let mut pipeline = pipeline(&sha, calls);
            let pipeline = pipeline.ignore_errors();
            let mut connection = self.connection();
            let context = || format!("Redis, script {}", script.name);
            let mut some: Vec<RedisResult<T>> = pipeline
                .query_async(&mut connection)
                .await
                .with_context(context)?;
            if some.iter().any(|one| one.as_ref().is_err_and(is_unknown)) {
                self.load(script).await?;
                some = pipeline
                    .query_async(&mut connection)
                    .await
                    .with_context(context)?;
            }
            replies.extend(some.into_iter().map(|one| one.with_context(context)));
        }
        Ok(replies)
    }

    async fn load(&self, script: &Script) -> anyhow::Result<()> {
        let load = redis::cmd("SCRIPT").arg("LOAD").arg(script.text).to_owned();
        let mut connection = self.connection();
        load.query_async::<String>(&mut connection)
            .await
            .context("Redis")?;
        Ok(())
    }
}

/// Whether the server does not know the script.
fn is_unknown(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

fn pipeline(sha: &str, calls: &[Call]) -> Pipeline {
    let mut pipeline = Pipeline::with_capacity(calls.len());
    for call in calls {
        pipeline
            .cmd("EVALSHA")
            .arg(sha)
            .arg(call.keys.len())
            .arg(&call.keys)
            .arg(&call.arguments);
    }
    pipeline
}
