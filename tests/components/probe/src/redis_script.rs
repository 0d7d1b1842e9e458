//! Redis on command.

use serde::Deserialize;
use serde_json::Value;
use spin_sdk::redis::{Connection, Error, RedisParameter, RedisResult};
use spin_sdk::variables;

/// Commands on one connection to `address`, in order.
#[derive(Deserialize)]
pub struct Script {
    address: String,
    /// `[COMMAND, ARGUMENT…]` for `execute`; `[".get", KEY]` and the like for the typed functions.
    steps: Vec<Vec<Value>>,
}

/// One line per step.
pub async fn run(script: Script) -> String {
    let connection = match Connection::open(script.address).await {
        Ok(connection) => connection,
        Err(error) => return format!("open: {error:?}\n"),
    };
    let mut lines = String::new();
    for step in script.steps {
        let line = run_step(&connection, &step)
            .await
            .unwrap_or_else(|error| format!("{error:?}"));
        lines.push_str(&line);
        lines.push('\n');
    }
    lines
}

async fn run_step(connection: &Connection, step: &[Value]) -> Result<String, Error> {
    let text = |index: usize| {
        step.get(index)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let rest = || {
        step.iter()
            .skip(2)
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    Ok(match text(0).as_str() {
        ".get" => format!(
            "{:?}",
            connection
                .get(text(1))
                .await?
                .map(|b| String::from_utf8_lossy(&b).into_owned())
        ),
        ".set" => format!("{:?}", connection.set(text(1), text(2).into_bytes()).await?),
        ".incr" => format!("{:?}", connection.incr(text(1)).await?),
        ".del" => format!("{:?}", connection.del(vec![text(1)]).await?),
        ".sadd" => format!("{:?}", connection.sadd(text(1), rest()).await?),
        ".srem" => format!("{:?}", connection.srem(text(1), rest()).await?),
        ".publish" => format!(
            "{:?}",
            connection.publish(text(1), text(2).into_bytes()).await?
        ),
        ".smembers" => {
            let mut members = connection.smembers(text(1)).await?;
            members.sort();
            format!("{members:?}")
        }
        command => {
            let arguments = step.iter().skip(1).map(argument).collect::<Vec<_>>();
            let reply = connection.execute(command, arguments).await?;
            reply.iter().map(show).collect::<Vec<_>>().join(" ")
        }
    })
}

fn argument(value: &Value) -> RedisParameter {
    match (value.as_i64(), value.as_str()) {
        (Some(number), _) => RedisParameter::Int64(number),
        (None, Some(text)) => RedisParameter::Binary(text.as_bytes().to_vec()),
        (None, None) => RedisParameter::Binary(value.to_string().into_bytes()),
    }
}

fn show(result: &RedisResult) -> String {
    match result {
        RedisResult::Nil => "nil".to_owned(),
        RedisResult::Status(text) => format!("+{text}"),
        RedisResult::Int64(number) => number.to_string(),
        RedisResult::Binary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// One GET, for measuring.
pub async fn get() -> anyhow::Result<String> {
    let connection = Connection::open(variables::get("redis_url").await?)
        .await
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;
    let value = connection
        .get("k")
        .await
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;
    Ok(String::from_utf8_lossy(&value.unwrap_or_default()).into_owned())
}
