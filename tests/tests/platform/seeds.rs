//! The requests of the five systems' own clients, kept as files exactly as those clients send them, and the answers
//! they must get, as files beside them (docs/api.md). Answers are written by hand or accepted in a review: one that
//! differs is put into the target folder.
//!
//! All run one after another on a platform of their own, so that lists and statistics show the same orders each time.

mod answer;
mod load;
mod request;

use super::failures::given_up;
use answer::{Names, compare};
use anyhow::{Context, Result, ensure};
use platform::client::Reply;
use platform::{Options, Platform, soon};
use request::Request;
use serde_json::json;
use stack::component;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The folders of `tests/requests`, in the order in which they are played.
const SYSTEMS: [&str; 5] = ["000", "001", "002", "003", "004"];

/// A product that does not exist: a purchase of it fails again whenever it is retried.
const UNKNOWN_PRODUCT: u64 = 999_999_999;

/// Creates the products that the requests order, a failure to retry, and the flash sale of the last system.
fn prepare(platform: &Platform) -> Result<()> {
    for (id, name, price) in [
        (1, "机械键盘", "99.99"),
        (2, "鼠标", "199.99"),
        (3, "显示器", "1299.00"),
    ] {
        let body = json!({ "id": id, "name": name, "price": price, "stock": 1_000_000 });
        platform.api.post("/api/v1/products", &body)?.expect(201)?;
    }
    given_up(platform, 456, UNKNOWN_PRODUCT)?;
    let now = platform::sale::now_ms();
    let sale = json!({
        "product_id": 3, "name": "秒杀", "price": "999.00", "stock": 100,
        "starts_at": now - 1_000, "ends_at": now + 3_600_000,
    });
    let reply = platform.api.post("/api/v1/seckill/activities", &sale)?;
    ensure!(reply.text_at("/seckill_id") == "3-1", "{}", reply.text);
    Ok(())
}

/// One system's client: what it was answered, by the names of its requests.
#[derive(Default)]
struct Client {
    replies: BTreeMap<String, Reply>,
    names: Names,
}

impl Client {
    /// Sends the request of a file and compares the answer with that beside it.
    fn send(&mut self, platform: &Platform, file: &Path) -> Result<()> {
        let stem = file.file_stem().and_then(|stem| stem.to_str());
        let stem = stem.context("a file name")?.to_owned();
        let request = Request::parse(&fs::read_to_string(file)?, &self.replies)?;
        let reply = match &request.until {
            None => request.send(&platform.api)?,
            Some((path, text)) => soon(&format!("{path} to be {text}"), || {
                let reply = request.send(&platform.api)?;
                ensure!(reply.text_at(path) == text, "{}", reply.text);
                Ok(reply)
            })?,
        };
        let shown = self.names.shown(&reply, !request.status_only);
        self.replies.insert(stem, reply);
        compare(&file.with_extension("answer.json"), &shown)
    }
}

/// The request files of a system, in the order of their names.
fn files(system: &str) -> Result<Vec<PathBuf>> {
    let folder = component::checkout()?.join("tests/requests").join(system);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|kind| kind == "http"));
    files.sort();
    ensure!(!files.is_empty(), "no requests in {}", folder.display());
    Ok(files)
}

#[test]
fn each_systems_client_is_answered_as_its_file_says() -> Result<()> {
    let platform = Platform::start(Options::default())?;
    prepare(&platform)?;
    let mut wrong = Vec::new();
    for system in SYSTEMS {
        let mut client = Client::default();
        for file in files(system)? {
            let sent = client.send(&platform, &file);
            if let Err(error) = sent.with_context(|| file.display().to_string()) {
                wrong.push(format!("{error:#}"));
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    load::one_body_many_times(&platform)?;
    platform.reconcile()?;
    Ok(())
}
