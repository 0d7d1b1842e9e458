//! The platform under attack: the real application on MariaDB and Redis, its honest customers, and a customer with many
//! long orders.

use crate::honest::{Turn, clients};
use crate::siege::{REST_WITHIN, Siege, Target};
use anyhow::{Context, Result, ensure};
use platform::client::Client;
use platform::shop::{buyer, key, order_body, placed};
use platform::{Options, Platform};
use serde_json::json;
use stack::raise_open_files;
use std::future::Future;
use std::sync::{LazyLock, Mutex, MutexGuard, OnceLock};

/// Open files that this process and the host may need: two for each connection of the largest attack, and some more.
const OPEN_FILES: u64 = 20_000;
/// Of the customer with many long orders: number of orders, lines of each, and characters of each line's product name.
const LONG_ORDERS: usize = 100;
const LONG_LINES: u64 = 100;
const LONG_NAME: usize = 200;
const LONG_IMAGE: usize = 500;
/// Id of the first of its products: far above the ids that tests use.
const LONG_FIRST: u64 = 900_000;

/// The platform, for one test at a time.
pub struct Shop {
    pub platform: &'static Platform,
    pub port: u16,
    product: u64,
    _alone: MutexGuard<'static, ()>,
}

static PLATFORM: LazyLock<Platform> = LazyLock::new(|| {
    raise_open_files(OPEN_FILES);
    Platform::start(Options::default()).unwrap_or_else(|error| panic!("{error:#}"))
});

/// Waits until no other attack runs. After a failed attack the host is started anew.
pub fn alone() -> Result<(&'static Platform, MutexGuard<'static, ()>)> {
    static ALONE: Mutex<()> = Mutex::new(());
    let guard = match ALONE.lock() {
        Ok(guard) => guard,
        Err(poisoned) => {
            ALONE.clear_poison();
            PLATFORM.host.kill();
            PLATFORM.host.start()?;
            poisoned.into_inner()
        }
    };
    Ok((&PLATFORM, guard))
}

impl Shop {
    pub fn open() -> Result<Shop> {
        let (platform, alone) = alone()?;
        let port = platform.api.base().rsplit(':').next();
        Ok(Shop {
            port: port.context("a port")?.parse()?,
            product: platform.product(1_000_000, "redis")?,
            platform,
            _alone: alone,
        })
    }

    /// Runs an attack beside honest customers.
    pub fn besiege<F>(&self, attack: impl FnOnce(Target) -> F + Send)
    where
        F: Future<Output = Result<()>>,
    {
        let honest = || clients(self.platform.api.base(), |api| customer(api, self.product));
        let siege = Siege {
            process: &self.platform.host,
            metrics: &self.platform.metrics,
            port: self.port,
            honest: &honest,
            rest_within: REST_WITHIN,
        };
        siege.run(attack);
    }

    /// A product with more units than any attack takes.
    pub fn product(&self) -> u64 {
        self.product
    }

    /// A user with many long orders: a page of ten is about a megabyte.
    pub fn collector(&self) -> Result<u64> {
        static COLLECTOR: OnceLock<u64> = OnceLock::new();
        if let Some(user) = COLLECTOR.get() {
            return Ok(*user);
        }
        let user = buyer();
        let products = LONG_FIRST..LONG_FIRST + LONG_LINES;
        for product in products.clone() {
            let body = json!({
                "id": product, "name": "n".repeat(LONG_NAME), "image": "i".repeat(LONG_IMAGE),
                "price": "9.90", "stock": 1_000_000,
            });
            let reply = self.platform.api.post("/api/v1/products", &body)?;
            ensure!(reply.status / 100 == 2, "no product: {}", reply.text);
        }
        let lines: Vec<_> = products
            .map(|product| json!({ "product_id": product, "quantity": 1 }))
            .collect();
        let body = json!({ "user_id": user, "items": lines });
        for _ in 0..LONG_ORDERS {
            let api = &self.platform.api;
            placed(&api.post_once("/v1/order/create", &key(), &body)?)?;
        }
        Ok(*COLLECTOR.get_or_init(|| user))
    }
}

/// Places an order, then reads it, all of the user's orders, the product, the platform's health and the host's health,
/// in turn.
fn customer(api: Client, product: u64) -> Turn {
    let user = buyer();
    let mut last = String::new();
    Box::new(move |turn| {
        match turn % 6 {
            0 => {
                let body = order_body(user, product, 1);
                last = placed(&api.post_once("/v1/order/create", &key(), &body)?)?;
            }
            1 => {
                let reply = api.get(&format!("/v1/order/{last}"))?.expect(200)?;
                ensure!(reply.text_at("/order/id") == last, "{}", reply.text);
            }
            2 => {
                let path = format!("/v1/order/list?user_id={user}&page_size=10");
                let reply = api.get(&path)?.expect(200)?;
                ensure!(reply.text_at("/orders/0/id") == last, "{}", reply.text);
            }
            3 => drop(
                api.get(&format!("/api/v1/products/{product}"))?
                    .expect(200)?,
            ),
            4 => drop(api.get("/health")?.expect(200)?),
            _ => drop(api.get("/.well-known/spin/health")?.expect(200)?),
        }
        Ok(())
    })
}
