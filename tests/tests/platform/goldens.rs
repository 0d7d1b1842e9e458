//! Requests in the formats of the five systems, kept as files and sent unchanged, with the expected answers as files
//! beside them. Expected answers are written by hand: a different answer is put into the target folder for review.

use anyhow::{Context, Result, bail, ensure};
use domain::OrderId;
use platform::Platform;
use platform::client::Reply;
use platform::component;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};

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

/// Creates the products that these requests order.
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

/// Sends every request of a system in the order of the file names.
fn play(system: &str) -> Result<()> {
    let platform = tests::shared();
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
    let (mut id, mut names, mut wrong) = (String::new(), Names::default(), Vec::new());
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
        let golden = file.with_extension("answer.json");
        if let Err(error) = compare(&golden, &names.shown(&reply)) {
            wrong.push(format!("{error:#}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    Ok(())
}

/// The id of the placed order, at the place that the system's format has for it.
fn first_id(body: &Value) -> Option<String> {
    let id = ["/order_id", "/data/id"]
        .iter()
        .find_map(|path| body.pointer(path))?;
    id.as_str().map(str::to_owned)
}

/// Headers that belong to the answer.
const HEADERS: [&str; 5] = [
    "cache-control",
    "content-type",
    "idempotent-replayed",
    "location",
    "retry-after",
];

/// Placeholders for values that differ from run to run, numbered in order of appearance: an order or time has the same
/// placeholder in all answers of a system.
#[derive(Default)]
struct Names {
    orders: Vec<OrderId>,
    times: Vec<Value>,
}

impl Names {
    fn shown(&mut self, reply: &Reply) -> String {
        let body = self.masked("", &reply.body);
        let headers: Map<String, Value> = HEADERS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), json!(reply.header(name)?))))
            .collect();
        let shown = json!({ "status": reply.status, "headers": headers, "body": body });
        let mut shown = format!("{shown:#}\n");
        for (at, order) in self.orders.iter().enumerate() {
            let at = at + 1;
            shown = shown
                .replace(&order.to_string(), &format!("<id:{at}>"))
                .replace(&order.order_no(), &format!("<number:{at}>"))
                .replace(&order.uuid(), &format!("<uuid:{at}>"));
        }
        shown
    }

    fn masked(&mut self, key: &str, value: &Value) -> Value {
        match (key, value) {
            ("trace_id", _) => json!("<trace id>"),
            // The systems' tests run concurrently and buy the same products.
            ("stock", _) => json!("<units>"),
            (_, Value::Null) => Value::Null,
            ("created_at", time) => {
                json!(format!("<time:{}>", place(&mut self.times, time.clone())))
            }
            // Later steps may or may not fall into the same millisecond.
            (key, time) if key.ends_with("_at") => match self.times.contains(time) {
                true => self.masked("created_at", time),
                false => json!("<time>"),
            },
            ("id" | "order_id" | "order_no", Value::String(id)) if id.len() > 9 => {
                if let Some(order) = OrderId::parse(id) {
                    place(&mut self.orders, order);
                }
                value.clone()
            }
            (_, Value::Object(fields)) => fields
                .iter()
                .map(|(key, value)| (key.clone(), self.masked(key, value)))
                .collect::<Map<_, _>>()
                .into(),
            (_, Value::Array(entries)) => entries
                .iter()
                .map(|entry| self.masked("", entry))
                .collect::<Vec<_>>()
                .into(),
            (_, plain) => plain.clone(),
        }
    }
}

/// The position of `one` in `all`, from 1; appended if it is new.
fn place<T: PartialEq>(all: &mut Vec<T>, one: T) -> usize {
    let at = all.iter().position(|other| *other == one);
    at.unwrap_or_else(|| {
        all.push(one);
        all.len() - 1
    }) + 1
}

/// Compares; writes a file only where they differ, for a reviewer to accept.
fn compare(golden: &Path, shown: &str) -> Result<()> {
    let expected = fs::read_to_string(golden).unwrap_or_default();
    if shown == expected {
        return Ok(());
    }
    let root = component::checkout()?;
    let name = golden.strip_prefix(&root)?;
    let actual = component::target_dir()?.join("goldens").join(name);
    fs::create_dir_all(actual.parent().context("a folder")?)?;
    fs::write(&actual, shown)?;
    bail!(
        "the answer changed:\n{}once reviewed: cp {} {}",
        difference(&expected, shown),
        actual.display(),
        golden.display()
    )
}

/// The lines between the first and the last that differ.
fn difference(expected: &str, shown: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (expected.lines().collect(), shown.lines().collect());
    let alike = |(old, new): &(&&str, &&str)| old == new;
    let first = old.iter().zip(&new).take_while(alike).count();
    let rest = old[first..].iter().rev().zip(new[first..].iter().rev());
    let last = rest.take_while(alike).count();
    let lines = |sign: &str, lines: &[&str]| -> String {
        let changed = &lines[first..lines.len() - last];
        changed
            .iter()
            .map(|line| format!("{sign} {line}\n"))
            .collect()
    };
    lines("-", &old) + &lines("+", &new)
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
