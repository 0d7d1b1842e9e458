//! The five systems' own requests as files, posted as they are, and the answers they get as files beside them.
//! `UPDATE_GOLDENS=1` writes the answers anew.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tests::app::Platform;
use tests::component;

/// A request file: request line, headers, an empty line, the body. `{{id}}` stands for the id of the order
/// that the folder's first request placed.
struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    fn parse(text: &str) -> Result<Request> {
        let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end(), ""));
        let mut lines = head.lines();
        let line = lines.next().context("no request line")?;
        let (method, path) = line
            .split_once(' ')
            .context("a request line is METHOD PATH")?;
        let header = |line: &str| -> Result<(String, String)> {
            let (name, value) = line.split_once(": ").context("a header is NAME: VALUE")?;
            Ok((name.to_owned(), value.to_owned()))
        };
        Ok(Request {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: lines.map(header).collect::<Result<_>>()?,
            body: body.to_owned(),
        })
    }
}

/// The products these requests name.
fn stock_the_shelves(platform: &Platform) -> Result<()> {
    for (id, name, price) in [
        (1, "机械键盘", "99.99"),
        (2, "鼠标", "199.50"),
        (3, "显示器", "1299.00"),
    ] {
        let body = json!({ "id": id, "name": name, "price": price, "stock": 1_000_000 });
        let reply = platform.api.post("/api/v1/products", &body)?;
        ensure!(matches!(reply.status, 201 | 409), "{}", reply.text);
    }
    Ok(())
}

/// Posts every request of a system in the order of the files' names.
fn play(system: &str) -> Result<()> {
    let platform = Platform::shared();
    stock_the_shelves(&platform)?;
    let folder = component::checkout()?.join("tests/requests").join(system);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "http")
    });
    files.sort();
    ensure!(!files.is_empty(), "no requests in {}", folder.display());
    let mut id = String::new();
    for file in files {
        let named = || file.display().to_string();
        let text = fs::read_to_string(&file)?.replace("{{id}}", &id);
        let request = Request::parse(&text).with_context(named)?;
        let headers: Vec<(&str, &str)> = request
            .headers
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let reply = platform
            .api
            .send(&request.method, &request.path, &headers, &request.body)
            .with_context(named)?;
        if id.is_empty() {
            id = first_id(&reply.body).with_context(|| format!("{}: {}", named(), reply.text))?;
        }
        let shown = json!({ "status": reply.status, "body": masked(&reply.body) });
        let shown = format!("{shown:#}\n").replace(&id, "<id>");
        compare(&file.with_extension("answer.json"), &shown)?;
    }
    Ok(())
}

/// The id of the placed order, wherever the system's shape has it.
fn first_id(body: &Value) -> Option<String> {
    let id = ["/order_id", "/data/id"]
        .iter()
        .find_map(|path| body.pointer(path))?;
    id.as_str().map(str::to_owned)
}

/// The body with what differs from run to run replaced by its kind.
fn masked(value: &Value) -> Value {
    let kind = |key: &str, value: &Value| match key {
        "id" | "order_id" if value.is_string() => json!("<id>"),
        "order_no" => json!("<order number>"),
        "trace_id" => json!("<trace id>"),
        "stock" => json!("<units>"),
        key if key.ends_with("_at") && !value.is_null() => json!("<time>"),
        _ => masked(value),
    };
    match value {
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| (key.clone(), kind(key, value)));
            fields
                .collect::<BTreeMap<_, _>>()
                .into_iter()
                .collect::<serde_json::Map<_, _>>()
                .into()
        }
        Value::Array(entries) => entries.iter().map(masked).collect::<Vec<_>>().into(),
        plain => plain.clone(),
    }
}

fn compare(golden: &Path, shown: &str) -> Result<()> {
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::write(golden, shown)?;
    }
    let expected = fs::read_to_string(golden).with_context(|| golden.display().to_string())?;
    ensure!(
        shown == expected,
        "{}: the answer changed (UPDATE_GOLDENS=1 takes it over):\n{shown}",
        golden.display()
    );
    Ok(())
}

#[test]
fn system_000_order_management() -> Result<()> {
    play("000")
}

#[test]
fn system_001_shop_order_service() -> Result<()> {
    play("001")
}

#[test]
fn system_002_distributed_orders() -> Result<()> {
    play("002")
}

#[test]
fn system_003_idempotent_orders() -> Result<()> {
    play("003")
}

#[test]
fn system_004_flash_sale_shop() -> Result<()> {
    play("004")
}
