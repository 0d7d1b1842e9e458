//! MySQL on command: a script of statements over one connection, and many connections at once.

use futures::future::join_all;
use serde::Deserialize;
use serde_json::Value;
use spin_sdk::mysql::{Connection, DbValue, ParameterValue};
use spin_sdk::variables;

/// Rows of a result that are written out; the others are only counted.
const SHOWN_ROWS_MAX: usize = 4;

/// Statements on one connection to `address`, in order.
#[derive(Deserialize)]
pub struct Script {
    address: String,
    /// `["execute" | "query" | "begin-query", STATEMENT, PARAMETER…]`.
    steps: Vec<Vec<Value>>,
}

/// One line per step: rows, `ok`, or the error.
pub async fn run(script: Script) -> String {
    let connection = match Connection::open(script.address).await {
        Ok(connection) => connection,
        Err(error) => return format!("open: {error:?}\n"),
    };
    let mut lines = String::new();
    for step in script.steps {
        let line = match run_step(&connection, &step).await {
            Ok(line) => line,
            Err(error) => format!("{error:?}"),
        };
        lines.push_str(&line);
        lines.push('\n');
    }
    lines
}

async fn run_step(
    connection: &Connection,
    step: &[Value],
) -> Result<String, spin_sdk::mysql::Error> {
    let text = |index: usize| {
        step.get(index)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let parameters = step.iter().skip(2).map(parameter).collect::<Vec<_>>();
    match text(0).as_str() {
        "execute" => connection
            .execute(text(1), parameters)
            .await
            .map(|()| "ok".to_owned()),
        // Reads the first row and drops the rest.
        "begin-query" => {
            let mut result = connection.query(text(1), parameters).await?;
            let row = result.next().await;
            Ok(if row.is_some() { "first" } else { "none" }.to_owned())
        }
        _ => {
            let mut result = connection.query(text(1), parameters).await?;
            let (mut count, mut shown) = (0, String::new());
            while let Some(row) = result.rows().next().await {
                count += 1;
                if count <= SHOWN_ROWS_MAX {
                    shown.push(' ');
                    shown.push_str(&show_row(&row));
                }
            }
            result.result().await?;
            Ok(format!("{count}{shown}"))
        }
    }
}

fn parameter(value: &Value) -> ParameterValue {
    match value {
        Value::Null => ParameterValue::DbNull,
        Value::Bool(truth) => ParameterValue::Boolean(*truth),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => ParameterValue::Int64(number),
            (None, Some(number)) => ParameterValue::Uint64(number),
            (None, None) => ParameterValue::Floating64(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => ParameterValue::Str(text.clone()),
        other => ParameterValue::Str(other.to_string()),
    }
}

fn show_row(values: &[DbValue]) -> String {
    values
        .iter()
        .map(|value| format!("{value:?}"))
        .collect::<Vec<_>>()
        .join(",")
}

/// `query` is `CONNECTIONS&ADDRESS`: opens that many at once; every other one is dropped without a statement.
pub async fn hammer(query: &str) -> String {
    let (count, address) = query.split_once('&').unwrap_or(("0", ""));
    let count: usize = count.parse().unwrap_or_default();
    let runs = (0..count).map(|index| async move {
        let connection = Connection::open(address).await.ok()?;
        if index % 2 == 1 {
            return Some(());
        }
        let rows = connection
            .query("SELECT 1", vec![])
            .await
            .ok()?
            .collect()
            .await
            .ok()?;
        (rows.len() == 1).then_some(())
    });
    let done = join_all(runs).await.into_iter().flatten().count();
    format!("{done}")
}

/// A point select, for measuring.
pub async fn select() -> anyhow::Result<String> {
    let connection = Connection::open(variables::get("mysql_url").await?).await?;
    let result = connection
        .query(
            "SELECT id, name FROM item WHERE id = ?",
            vec![ParameterValue::Int64(1)],
        )
        .await?;
    Ok(result.collect().await?.len().to_string())
}

/// A small transaction, for measuring.
pub async fn transaction() -> anyhow::Result<String> {
    let connection = Connection::open(variables::get("mysql_url").await?).await?;
    let insert = "INSERT INTO entry (note) VALUES (?)";
    let note = || vec![ParameterValue::Str("a note".to_owned())];
    connection.execute("SET autocommit=0", vec![]).await?;
    connection.execute(insert, note()).await?;
    connection.execute(insert, note()).await?;
    connection.execute("COMMIT", vec![]).await?;
    Ok("ok".to_owned())
}
