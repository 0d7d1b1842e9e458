//! Host and twin give the same answers: the life of an order, a purchase in a flash sale and every kind of error
//! through each; and each reads what the other wrote.

use anyhow::{Context, Result, ensure};
use platform::client::{Client, Reply};
use platform::sale::{self, Sale};
use platform::shop::{PRICE, buyer, key, order_body};
use platform::{Options, Platform, answers, soon};
use serde_json::{Value, json};
use std::time::Duration;

/// One of the two, with its own buyer and products.
struct Side {
    api: Client,
    user: u64,
    /// With stock in Redis, with stock in MySQL, and one with too few units.
    products: [u64; 3],
    sale: Sale,
    /// Each request, and the part of its answer that must be the same.
    seen: Vec<String>,
}

impl Side {
    fn new(platform: &Platform, api: Client) -> Result<Side> {
        Ok(Side {
            api,
            user: buyer(),
            products: [
                platform.product(10, "redis")?,
                platform.product(10, "db")?,
                platform.product(1, "redis")?,
            ],
            sale: platform.sale(5, 1)?,
            seen: Vec::new(),
        })
    }

    fn note(&mut self, what: &str, reply: Reply) -> Reply {
        // The host does not read a body that no function asks for, and may then have to close the connection. Its cache
        // removes its own directive and reports a reply's age.
        const HOSTS: [&str; 4] = ["date", "connection", "host-cache-control", "age"];
        let mut headers: Vec<String> = reply
            .headers
            .iter()
            .filter(|(name, _)| HOSTS.iter().all(|own| *name != *own))
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or_default()))
            .collect();
        headers.sort();
        let text = format!("{} {headers:?} {}", reply.status, reply.text);
        self.seen
            .push(format!("{}: {}", self.masked(what), self.masked(&text)));
        reply
    }

    /// Replaces ids, times and other values that differ between the two.
    fn masked(&self, text: &str) -> String {
        let mut text = text.replace(&self.sale.id, "SALE");
        for (end, _) in text.clone().rmatch_indices("Z\"") {
            // The time of an RFC 3339 timestamp; the date is masked as a word below.
            if text[..end].rfind('T') == end.checked_sub("T00:00:00.000".len()) {
                text.replace_range(end - "T00:00:00.000".len()..=end, "-#");
            }
        }
        let mut masked = String::with_capacity(text.len());
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        for part in text.split_inclusive(|letter| !is_word(letter)) {
            let word = part.trim_end_matches(|letter| !is_word(letter));
            if word.len() >= 10 && word.bytes().any(|byte| byte.is_ascii_digit()) {
                masked.push('#');
            } else {
                let pieces: Vec<&str> = word.split('-').map(|piece| self.own(piece)).collect();
                masked.push_str(&pieces.join("-"));
            }
            masked.push_str(&part[word.len()..]);
        }
        masked
    }

    fn own<'a>(&self, piece: &'a str) -> &'a str {
        match piece.parse() {
            Ok(number) if number == self.user => "USER",
            Ok(number) if number == self.sale.product => "ON SALE",
            Ok(number) if self.products.contains(&number) => "PRODUCT",
            _ => piece,
        }
    }

    fn get(&mut self, path: &str) -> Result<Reply> {
        let reply = self.api.get(path)?;
        Ok(self.note(path, reply))
    }

    fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Reply> {
        let reply = self.api.send(method, path, headers, body)?;
        Ok(self.note(&format!("{method} {path}"), reply))
    }

    fn post(&mut self, path: &str, body: &Value) -> Result<Reply> {
        self.send("POST", path, &[JSON], &body.to_string())
    }

    fn place(&mut self, product: u64, quantity: u32, key: &str) -> Result<Reply> {
        let body = order_body(self.user, product, quantity).to_string();
        let headers = [JSON, ("idempotency-key", key)];
        self.send("POST", "/v1/order/create", &headers, &body)
    }

    /// Places, pays and cancels orders; their ids.
    fn live(&mut self) -> Result<Vec<String>> {
        let (user, [redis, db, few]) = (self.user, self.products);
        let (first, second) = (key(), key());
        let paid = id(&self.place(redis, 2, &first)?)?;
        self.place(redis, 2, &first)?.expect(200)?;
        self.place(redis, 3, &first)?.expect(422)?;
        let cancelled = id(&self.place(db, 1, &second)?)?;
        self.place(few, 2, &key())?.expect(409)?;
        for path in ["/v1/order", "/api/v1/orders", "/orders"] {
            self.get(&format!("{path}/{paid}"))?.expect(200)?;
        }
        let payment = json!({ "payment_id": format!("pay-{paid}"), "user_id": user });
        self.post(&format!("/v1/order/{paid}/pay"), &payment)?
            .expect(200)?;
        let reason = json!({ "reason": "changed my mind" });
        self.post(&format!("/v1/order/{cancelled}/cancel"), &reason)?
            .expect(200)?;
        self.post(&format!("/v1/order/{cancelled}/pay"), &payment)?
            .expect(409)?;
        self.get(&format!("/v1/order/list?user_id={user}"))?
            .expect(200)?;
        self.get(&format!("/api/v1/users/{user}/orders?page_size=1"))?
            .expect(200)?;
        self.get(&format!("/v1/order/list?user_id={user}&status=paid"))?
            .expect(200)?;
        self.get(&format!("/api/v1/users/{user}/stats"))?
            .expect(200)?;
        soon("the cancelled unit to be back", || {
            let reply = self.api.get(&format!("/api/v1/products/{db}"))?;
            ensure!(reply.body["stock"] == 10, "{}", reply.text);
            Ok(())
        })?;
        for product in [redis, db] {
            self.get(&format!("/api/v1/products/{product}"))?
                .expect(200)?;
            self.get(&format!("/products/{product}"))?.expect(200)?;
        }
        Ok(vec![paid, cancelled])
    }

    /// Makes an asynchronous order and a purchase; their ids, once both are written.
    fn queue(&mut self) -> Result<Vec<String>> {
        let body = order_body(self.user, self.products[0], 1).to_string();
        let own = key();
        let headers = [
            JSON,
            ("idempotency-key", own.as_str()),
            ("prefer", "respond-async"),
        ];
        let later = self.send("POST", "/v1/order/create", &headers, &body)?;
        let later = id(&later.expect(202)?)?;
        let asked = json!({ "user_id": self.user, "seckill_id": self.sale.id });
        let token = sale::token_in(&self.post("/api/v1/seckill/token", &asked)?)?;
        let purchase = json!({ "user_id": self.user, "token": token });
        let bought = self.post("/api/v1/seckill/buy", &purchase)?;
        let bought = id(&bought.expect(202)?)?;
        self.post("/api/v1/seckill/buy", &purchase)?.expect(202)?;
        for order in [&later, &bought] {
            let path = format!("/v1/order/{order}");
            soon("the order", || {
                let reply = self.api.get(&path)?.expect(200)?;
                let status = reply.text_at("/order/status");
                ensure!(status == "pending", "{}", reply.text);
                Ok(())
            })?;
            self.get(&path)?.expect(200)?;
        }
        Ok(vec![later, bought])
    }

    fn err(&mut self) -> Result<()> {
        let path = "/v1/order/create";
        let typed = [("content-type", "text/plain")];
        self.get("/v1/order/382556363634511872")?.expect(404)?;
        self.get("/api/v1/orders/382556363634511872")?.expect(404)?;
        self.get("/orders/382556363634511872")?.expect(404)?;
        self.get("/v1/order/nonsense")?.expect(404)?;
        // No function answers here; the error texts differ.
        self.api.get("/nowhere")?.expect(404)?;
        self.get(path)?.expect(405)?;
        self.send("POST", path, &[JSON], "{")?.expect(400)?;
        self.send("POST", path, &typed, "{}")?.expect(415)?;
        let long = " ".repeat(65 * 1024);
        self.send("POST", path, &[JSON], &long)?.expect(413)?;
        let wrong = json!({
            "user_id": self.user,
            "items": [{ "product_id": 999_999_999, "quantity": 1, "price": PRICE }],
        });
        self.post(path, &wrong)?;
        let forged = json!({ "user_id": self.user, "token": format!("{}.{}.{:032}", self.sale.id, self.user, 7) });
        self.post("/api/v1/seckill/buy", &forged)?.expect(403)?;
        Ok(())
    }
}

const JSON: (&str, &str) = ("content-type", "application/json");

fn id(reply: &Reply) -> Result<String> {
    let id = reply.body["order_id"].as_str();
    Ok(id
        .with_context(|| format!("{} {}", reply.status, reply.text))?
        .to_owned())
}

fn start_twin(platform: &Platform) -> Result<(stack::Process, Client)> {
    let port = stack::free_port()?;
    let spin_toml = stack::component::checkout()?.join("spin.toml");
    let launch = platform.beside("twin", stack::binary("twin")?)?;
    let process = launch
        .args(["--listen", &format!("127.0.0.1:{port}"), "--spin-toml"])
        .args([spin_toml])
        .ready(Duration::from_secs(30), move || answers(port, "/health"))
        .start()?;
    Ok((process, Client::new(format!("http://127.0.0.1:{port}"))))
}

#[test]
fn host_and_twin_answer_alike() -> Result<()> {
    let platform = Platform::start(Options::default())?;
    let (_twin, api) = start_twin(&platform)?;
    ensure!(api.get("/noop")?.expect(200)?.text == "ok", "/noop");
    let sides = [platform.api.clone(), api];
    let mut sides = sides
        .map(|api| Side::new(&platform, api))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let mut orders = Vec::new();
    for side in &mut sides {
        orders.extend(side.live()?);
        orders.extend(side.queue()?);
        side.err()?;
    }
    let (host, twin) = (&sides[0], &sides[1]);
    for (of_host, of_twin) in host.seen.iter().zip(&twin.seen) {
        ensure!(of_host == of_twin, "host: {of_host}\ntwin: {of_twin}");
    }
    ensure!(host.seen.len() == twin.seen.len(), "not the same requests");
    for order in &orders {
        let path = format!("/v1/order/{order}");
        let of_host = host.api.get(&path)?.expect(200)?.text;
        let of_twin = twin.api.get(&path)?.expect(200)?.text;
        ensure!(of_host == of_twin, "host: {of_host}\ntwin: {of_twin}");
    }
    println!("{}", platform.reconcile()?);
    Ok(())
}
