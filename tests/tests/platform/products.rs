//! Products that are changed, found and listed on real servers: what is answered holds for every host and every order.

use anyhow::{Context, Result, ensure};
use platform::client::{Client, Reply};
use platform::sale;
use platform::shop::{PRICE, buyer, key, order_body, placed, product_id};
use platform::{Platform, soon};
use serde_json::{Value, json};
use stack::steps::{Action, Protocol, Steps};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(20);

fn patch(api: &Client, product: u64, body: &Value) -> Result<Reply> {
    let json = [("content-type", "application/merge-patch+json")];
    let path = format!("/api/v1/products/{product}");
    api.send("PATCH", &path, &json, &body.to_string())
}

/// An order without a price.
fn bought(api: &Client, product: u64) -> Result<Reply> {
    let items = json!([{ "product_id": product, "quantity": 1 }]);
    let body = json!({ "user_id": buyer(), "items": items });
    api.post_once("/v1/order/create", &key(), &body)
}

#[test]
fn a_change_holds_on_every_host_once_it_is_answered() -> Result<()> {
    let platform = tests::shared();
    let (_host, b) = platform.host_with("host-b-of-products", &[])?;
    for mode in ["redis", "db"] {
        let product = platform.product(100, mode)?;
        let path = format!("/api/v1/products/{product}");
        let list = "/products?page_size=100";
        for round in 0..6 {
            let (writer, reader) = [(&platform.api, &b), (&b, &platform.api)][round % 2];
            // Both have it in their stores.
            for api in [writer, reader] {
                api.get(&path)?.expect(200)?;
                api.get(list)?.expect(200)?;
            }
            let (old, price) = (format!("{}.25", 10 + round), format!("{}.25", 11 + round));
            let name = format!("tea {round} of {product}");
            let changed = json!({ "price": price, "name": name, "image": "/t.svg" });
            let changed = patch(writer, product, &changed)?.expect(200)?;
            assert_eq!(changed.body["price"].to_string(), price);
            for api in [reader, writer] {
                let read = api.get(&path)?.expect(200)?;
                assert_eq!(read.body["price"].to_string(), price, "{}", read.text);
                assert_eq!(read.text_at("/name"), name);
                let order = bought(api, product)?;
                placed(&order)?;
                assert_eq!(order.body["actual_amount"].to_string(), price);
                assert_eq!(order.text_at("/order/items/0/product_image"), "/t.svg");
            }
            let body = json!({
                "user_id": buyer(),
                "items": [{ "product_id": product, "quantity": 1, "price": old }],
            });
            let refused = reader.post_once("/v1/order/create", &key(), &body)?;
            assert_eq!((refused.status, refused.code()), (400, 10001));
        }
        let plain = patch(&b, product, &json!({ "image": null }))?.expect(200)?;
        assert_eq!(plain.body["image"], Value::Null);
    }
    platform.audit()?;
    Ok(())
}

#[test]
fn off_sale_is_not_sold_by_anybody() -> Result<()> {
    let platform = tests::shared();
    let (_host, b) = platform.host_with("host-b-off-sale", &[])?;
    let sale = platform.sale(5, 1)?;
    let (early, late) = (buyer(), buyer());
    let token = sale::token_in(&sale::token(&b, &sale, early)?)?;
    let product = sale.product;
    let listed = |api: &Client| -> Result<bool> {
        let list = api.get(&format!("/api/v1/products?search=product%20{product}"))?;
        Ok(list.expect(200)?.body["products"] != json!([]))
    };
    for api in [&platform.api, &b] {
        assert!(listed(api)?);
    }
    for _ in 0..3 {
        let off = patch(&platform.api, product, &json!({ "status": "off_sale" }))?;
        assert_eq!(off.expect(200)?.text_at("/status"), "off_sale");
        for api in [&b, &platform.api] {
            assert_eq!(bought(api, product)?.status, 400);
            let body = order_body(buyer(), product, 1);
            let later = api.post_later("/v1/order/create", &key(), &body)?;
            assert_eq!(later.status, 400, "{}", later.text);
            let purchase = sale::buy(api, early, &token, 1)?;
            assert_eq!((purchase.status, purchase.code()), (409, 40005));
            assert_eq!(sale::token(api, &sale, late)?.code(), 40005);
            assert!(!listed(api)?);
        }
        patch(&b, product, &json!({ "status": "on_sale" }))?.expect(200)?;
        for api in [&platform.api, &b] {
            placed(&bought(api, product)?)?;
            assert!(listed(api)?);
        }
    }
    soon("the sale to go on", || {
        sale::buy(&b, early, &token, 1)?.expect(202).map(drop)
    })?;
    platform.audit()?;
    Ok(())
}

/// A host that read the catalogue before a change writes it to Redis after it.
#[test]
fn a_late_loader_does_not_undo_a_change() -> Result<()> {
    let platform = tests::shared();
    let mysql = Steps::before(platform.mariadb.port(), Protocol::MySql)?;
    let [shards, inventory] = platform.databases_through(mysql.port());
    let own = [shards, inventory];
    let own = own.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (_host, slow) = platform.host_with("host-late", &own)?;
    for (change, reply) in [
        (json!({ "price": "1.25" }), "price"),
        (json!({ "status": "off_sale" }), "status"),
    ] {
        let product = platform.product(10, "redis")?;
        let entry = contract::store::redis::product(domain::ProductId(product));
        redis::cmd("DEL")
            .arg(&entry)
            .query::<()>(&mut platform.redis_connection()?)?;
        let read = mysql.at("SELECT name, image, price, status", 0, Action::Hold);
        thread::scope(|scope| {
            let order = scope.spawn(|| bought(&slow, product));
            read.reached(WITHIN)?;
            read.answered(WITHIN)?;
            patch(&platform.api, product, &change)?.expect(200)?;
            read.release();
            let order = order.join().expect("no panic")?;
            // It is decided by what holds now.
            match reply {
                "price" => assert_eq!(order.body["actual_amount"].to_string(), "1.25"),
                _ => assert_eq!(order.status, 400, "{}", order.text),
            }
            anyhow::Ok(())
        })?;
        let read = slow.get(&format!("/api/v1/products/{product}"))?;
        let read = read.expect(200)?;
        assert_eq!(read.body["status"] == "off_sale", reply == "status");
    }
    Ok(())
}

/// A host dies after the database has a change and before Redis has it.
#[test]
fn a_change_that_redis_was_not_told() -> Result<()> {
    let platform = tests::shared();
    let redis = Steps::before(platform.redis.port(), Protocol::Redis)?;
    let (name, value) = platform.redis_through(redis.port());
    let (victim, api) = platform.host_with("victim-of-a-patch", &[(name, &value)])?;
    let product = platform.product(10, "redis")?;
    placed(&bought(&api, product)?)?;
    let script = contract::store::redis::CACHE_PRODUCT.text;
    let digest = sha1_smol::Sha1::from(script).digest().to_string();
    let cached = redis.at(&digest, 0, Action::HoldRequest);
    thread::scope(|scope| {
        let off = scope.spawn(|| patch(&api, product, &json!({ "status": "off_sale" })));
        cached.reached(WITHIN)?;
        victim.kill();
        cached.release();
        ensure!(off.join().expect("no panic").is_err(), "answered");
        anyhow::Ok(())
    })?;
    soon("the relay to tell Redis", || {
        let order = bought(&platform.api, product)?;
        ensure!(order.status == 400, "{} {}", order.status, order.text);
        Ok(())
    })?;
    platform.audit()?;
    Ok(())
}

#[test]
fn orders_while_prices_change() -> Result<()> {
    const CHANGES: usize = 30;
    let platform = tests::shared();
    let product = platform.product(10_000, "redis")?;
    let over = AtomicBool::new(false);
    let price = |at: usize| format!("{}.75", 1 + at);
    patch(&platform.api, product, &json!({ "price": price(0) }))?.expect(200)?;
    let orders = || -> Result<usize> {
        let mut count = 0;
        while !over.load(Ordering::Relaxed) {
            let order = bought(&platform.api, product)?;
            placed(&order)?;
            let (paid, line) = (
                &order.body["actual_amount"],
                &order.body["order"]["items"][0],
            );
            ensure!(
                *paid == line["price"] && *paid == line["subtotal"],
                "{}",
                order.text
            );
            count += 1;
        }
        Ok(count)
    };
    let placed = thread::scope(|scope| {
        let buyers: Vec<_> = (0..3).map(|_| scope.spawn(orders)).collect();
        let changes = || -> Result<()> {
            for at in 1..CHANGES {
                let changed = patch(&platform.api, product, &json!({ "price": price(at) }))?;
                changed.expect(200)?;
                let order = bought(&platform.api, product)?;
                let paid = order.body["actual_amount"].to_string();
                ensure!(paid == price(at), "{}", order.text);
            }
            Ok(())
        };
        let changed = changes();
        over.store(true, Ordering::Relaxed);
        let counts = buyers.into_iter().map(|one| one.join().expect("no panic"));
        let counts: Result<Vec<usize>> = counts.collect();
        changed.and(counts)
    })?;
    ensure!(placed.iter().sum::<usize>() > 0, "no order");
    platform.audit()?;
    Ok(())
}

#[test]
fn a_tag_that_is_old_changes_nothing() -> Result<()> {
    let platform = tests::shared();
    let product = platform.product(5, "redis")?;
    let path = format!("/api/v1/products/{product}");
    let seen = platform.api.get(&path)?.expect(200)?;
    let tag = seen.header("etag").context("no tag")?;
    let json = ("content-type", "application/json");
    let send = |price: u32| {
        let body = json!({ "price": price }).to_string();
        platform
            .api
            .send("PATCH", &path, &[json, ("if-match", tag)], &body)
    };
    send(3)?.expect(200)?;
    let late = send(4)?;
    assert_eq!((late.status, late.code()), (412, 30004), "{}", late.text);
    let read = platform.api.get(&path)?.expect(200)?;
    assert_eq!(read.body["price"].as_f64(), Some(3.0));
    Ok(())
}

fn created(platform: &Platform, id: Option<u64>, name: &str) -> Result<u64> {
    let body = json!({ "id": id, "name": name, "price": PRICE, "stock": 1 });
    let made = platform.api.post("/api/v1/products", &body)?;
    Ok(made.expect(201)?.text_at("/id").parse()?)
}

#[test]
fn the_largest_id_does_not_end_the_others() -> Result<()> {
    const LARGEST: u64 = 9_007_199_254_740_991;
    let platform = tests::shared();
    created(&platform, Some(LARGEST), "the last")?;
    let first = created(&platform, None, "automatic")?;
    ensure!(first < 1 << 40, "{first}");
    // The next ones are taken, and passed over.
    for id in first + 1..first + 4 {
        let body = json!({ "id": id, "name": "chosen", "price": 1, "stock": 1 });
        let made = platform.api.post("/api/v1/products", &body)?;
        ensure!(matches!(made.status, 201 | 409), "{}", made.text);
    }
    let ids = thread::scope(|scope| {
        let make = || created(&platform, None, "automatic");
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(make)).collect();
        let ids = threads.into_iter().map(|one| one.join().expect("no panic"));
        ids.collect::<Result<BTreeSet<u64>>>()
    })?;
    assert_eq!(ids.len(), 6);
    ensure!(ids.iter().all(|id| *id > first && *id < 1 << 40), "{ids:?}");
    Ok(())
}

/// Ids that a search finds, of products on sale or not.
fn found(platform: &Platform, search: &str) -> Result<Vec<u64>> {
    let encoded: String = search.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let path = format!("/api/v1/products?status=all&page_size=100&search={encoded}");
    let list = platform.api.get(&path)?.expect(200)?;
    let products = list.body["products"].as_array().context("products")?;
    let ids = products.iter().map(|one| one["id"].as_str().unwrap_or(""));
    ids.map(|id| Ok(id.parse()?)).collect()
}

#[test]
fn a_search_tells_emoji_accents_and_signs_apart() -> Result<()> {
    let platform = tests::shared();
    let make = |name: &str| created(&platform, Some(product_id()), &format!("Zq{name}"));
    let (rocket, party) = (make("🚀")?, make("🎉")?);
    let (plain, accent) = (make("Resume")?, make("Résumé")?);
    let (percent, under) = (make("5%off")?, make("5_off")?);
    let (back, bar) = (make("5\\off")?, make("5|off")?);
    for (search, ids) in [
        ("zq🚀", vec![rocket]),
        ("ZQ🎉", vec![party]),
        ("zqresume", vec![plain]),
        ("ZQRÉSUMÉ", vec![accent]),
        ("zq5%", vec![percent]),
        ("zq5_", vec![under]),
        ("zq5\\", vec![back]),
        ("zq5|", vec![bar]),
        ("zq5", vec![bar, back, under, percent]),
        ("zq😀", vec![]),
    ] {
        assert_eq!(found(&platform, search)?, ids, "{search}");
    }
    Ok(())
}

#[test]
fn a_walk_sees_everything_once_while_others_are_added() -> Result<()> {
    const EVERY: usize = 23;
    let platform = tests::shared();
    let name = format!("walk{}", key());
    let mut ids: Vec<u64> = (0..EVERY)
        .map(|_| created(&platform, Some(product_id()), &name))
        .collect::<Result<_>>()?;
    ids.reverse();
    let over = AtomicBool::new(false);
    let walked = thread::scope(|scope| {
        let added = scope.spawn(|| {
            let mut added = 0;
            while !over.load(Ordering::Relaxed) {
                created(&platform, Some(product_id()), &name)?;
                added += 1;
            }
            anyhow::Ok(added)
        });
        let walk = || -> Result<Vec<u64>> {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            loop {
                let path = format!("/products?page_size=4&search={name}&status=all{cursor}");
                let page = platform.api.get(&path)?.expect(200)?;
                let data = &page.body["data"];
                for product in data["products"].as_array().context("products")? {
                    seen.push(product["id"].as_str().context("id")?.parse()?);
                }
                match data["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => return Ok(seen),
                }
            }
        };
        let walked = walk();
        over.store(true, Ordering::Relaxed);
        let added = added.join().expect("no panic")?;
        ensure!(added > 0, "nothing was added");
        walked
    })?;
    ensure!(walked.windows(2).all(|two| two[0] > two[1]), "{walked:?}");
    let last: Vec<u64> = walked
        .iter()
        .copied()
        .filter(|id| ids.contains(id))
        .collect();
    assert_eq!(last, ids);
    Ok(())
}
