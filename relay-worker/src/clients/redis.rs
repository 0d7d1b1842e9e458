//! The relay's Redis connection: reconnects by itself, with bounded waits; scripts are called by their SHA-1 in
//! pipelines and loaded where the server does not have them.

use crate::limits::REDIS_TIMEOUT_MS;
use anyhow::Context;
use contract::store::call::Call;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{
    Client, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, ServerErrorKind,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// Script calls of one pipeline.
const PIPELINE_CALLS_MAX: usize = 500;

/// A handle to one Redis; clones share its connection.
#[derive(Clone)]
pub struct Redis {
    client: Client,
    connection: ConnectionManager,
}

impl Redis {
    /// Opens `redis://[USER:PASSWORD@]HOST:PORT/DATABASE` lazily: a server that is away fails the first command. Needs
    /// a runtime.
    ///
    /// # Errors
    /// Where the URL is malformed; never shows it.
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

    /// The client, for subscriptions, which need their own connection.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The shared connection.
    pub fn connection(&self) -> ConnectionManager {
        self.connection.clone()
    }

    /// Runs calls in pipelines; the replies are in their order.
    ///
    /// # Errors
    /// Where Redis is away or a script fails; some calls may have run then. Every script may be repeated.
    pub async fn run<T: FromRedisValue>(&self, calls: &[Call<'_>]) -> anyhow::Result<Vec<T>> {
        let mut replies = Vec::with_capacity(calls.len());
        for calls in calls.chunks(PIPELINE_CALLS_MAX) {
            let pipeline = pipeline(calls);
            let mut connection = self.connection();
            let outcome: RedisResult<Vec<T>> = pipeline.query_async(&mut connection).await;
            let some = match outcome {
                Err(error) if is_unknown(&error) => {
                    self.load(calls).await?;
                    pipeline.query_async(&mut connection).await
                }
                outcome => outcome,
            };
            replies.extend(some.with_context(|| names(calls))?);
        }
        Ok(replies)
    }

    /// As [`run`](Self::run), with one result per call: a call that the server refuses does not fail the others.
    ///
    /// # Errors
    /// Where Redis is away.
    pub async fn run_each<T: FromRedisValue>(
        &self,
        calls: &[Call<'_>],
    ) -> anyhow::Result<Vec<anyhow::Result<T>>> {
        let mut replies = Vec::with_capacity(calls.len());
        for calls in calls.chunks(PIPELINE_CALLS_MAX) {
            let mut pipeline = pipeline(calls);
            let pipeline = pipeline.ignore_errors();
            let mut connection = self.connection();
            let context = || names(calls);
            let mut some: Vec<RedisResult<T>> = pipeline
                .query_async(&mut connection)
                .await
                .with_context(context)?;
            if some.iter().any(|one| one.as_ref().is_err_and(is_unknown)) {
                self.load(calls).await?;
                some = pipeline
                    .query_async(&mut connection)
                    .await
                    .with_context(context)?;
            }
            replies.extend(some.into_iter().map(|one| one.with_context(context)));
        }
        Ok(replies)
    }

    async fn load(&self, calls: &[Call<'_>]) -> anyhow::Result<()> {
        let mut connection = self.connection();
        for (_, text) in scripts(calls) {
            let load = redis::cmd("SCRIPT").arg("LOAD").arg(text).to_owned();
            let loaded = load.query_async::<String>(&mut connection).await;
            loaded.context("Redis")?;
        }
        Ok(())
    }
}

/// Whether the server does not know the script.
fn is_unknown(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// The scripts of the calls, each once: name and text.
fn scripts(calls: &[Call<'_>]) -> BTreeMap<&'static str, &'static str> {
    let scripts = calls.iter().map(|call| call.script);
    scripts.map(|script| (script.name, script.text)).collect()
}

fn names(calls: &[Call<'_>]) -> String {
    let names: Vec<&str> = scripts(calls).into_keys().collect();
    format!("Redis, script {}", names.join(", "))
}

fn pipeline(calls: &[Call<'_>]) -> Pipeline {
    let mut scripts = BTreeMap::new();
    let mut pipeline = Pipeline::with_capacity(calls.len());
    for call in calls {
        let script = scripts
            .entry(call.script.name)
            .or_insert_with(|| redis::Script::new(call.script.text));
        pipeline
            .cmd("EVALSHA")
            .arg(script.get_hash())
            .arg(call.keys.len())
            .arg(&call.keys);
        for argument in &call.arguments {
            pipeline.arg(argument.as_bytes());
        }
    }
    pipeline
}
