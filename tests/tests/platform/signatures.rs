//! Machines that sign, on real servers: a copy of a signed request is worth nothing, on whichever host it arrives and
//! whatever a cache has.

use anyhow::{Result, ensure};
use platform::client::{Client, Reply};
use platform::shop::{PRICE, buyer, key, placed};
use serde_json::json;
use std::thread;
use tests::signatures;

const CALLBACK: &str = "/v1/payment/callback";
/// Bytes of a key that no other platform has, in hexadecimal digits.
const ERP: &str = "erp:admin:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const STRICT: (&str, &str) = ("AUTH_MODE", "strict");

fn sent(api: &Client, method: &str, path: &str, line: &str, body: &str) -> Result<Reply> {
    let headers = [
        ("authorization", line),
        ("content-type", "application/json"),
    ];
    api.send(method, path, &headers, body)
}

#[test]
fn a_report_of_a_payment_counts_once() -> Result<()> {
    let platform = tests::shared();
    let product = platform.product(10, "redis")?;
    let order = placed(&platform.order(buyer(), product, 1)?)?;
    let (_first, first) = platform.host_with("host-signed-1", &[STRICT])?;
    let (_second, second) = platform.host_with("host-signed-2", &[STRICT])?;
    let body = json!({ "order_id": order, "payment_id": key(), "amount": PRICE }).to_string();
    let provider = signatures::provider(&platform)?;
    let line = signatures::now(provider, "POST", CALLBACK, &body)?;
    let other = json!({ "order_id": order, "payment_id": key(), "amount": PRICE }).to_string();
    let refused = [
        sent(&first, "POST", CALLBACK, &line, &other)?,
        sent(&first, "POST", CALLBACK, "HMAC-SHA256 key=payments", &body)?,
        sent(&first, "POST", "/v1/order/create", &line, &body)?,
        first.post(CALLBACK, &json!({ "order_id": order }))?,
    ];
    for reply in &refused {
        assert_eq!((reply.status, reply.code()), (401, 10002), "{reply:?}");
    }
    let copies = thread::scope(|scope| {
        let (line, body) = (&line, &body);
        let threads: Vec<_> = [&first, &second]
            .into_iter()
            .cycle()
            .take(16)
            .map(|api| scope.spawn(move || sent(api, "POST", CALLBACK, line, body)))
            .collect();
        let replies = threads.into_iter().map(|one| one.join().expect("a reply"));
        replies.collect::<Result<Vec<Reply>>>()
    })?;
    let taken = copies.iter().filter(|reply| reply.status == 200).count();
    let again = copies
        .iter()
        .filter(|reply| (reply.status, reply.code()) == (401, 10002))
        .filter(|reply| reply.text.contains("was used before"));
    assert_eq!((taken, again.count()), (1, 15), "{copies:?}");
    // A repeat is signed anew, and changes nothing.
    let line = signatures::now(provider, "POST", CALLBACK, &body)?;
    sent(&second, "POST", CALLBACK, &line, &body)?.expect(200)?;
    let mut redis = platform.redis_connection()?;
    let nonces: Vec<String> = redis::cmd("KEYS")
        .arg("signature:nonce:payments:*")
        .query(&mut redis)?;
    ensure!(nonces.len() >= 2, "{nonces:?}");
    for nonce in nonces {
        let left: i64 = redis::cmd("PTTL").arg(&nonce).query(&mut redis)?;
        ensure!((600_000..=720_000).contains(&left), "{nonce}: {left}");
    }
    platform.audit().map(drop)
}

#[test]
fn what_a_machine_reads_is_not_answered_again() -> Result<()> {
    let platform = tests::shared();
    let product = platform.product(10, "redis")?;
    let order = placed(&platform.order(buyer(), product, 1)?)?;
    let own = [STRICT, ("MACHINE_KEYS", ERP)];
    let (_host, api) = platform.host_with("host-signed-reads", &own)?;
    let path = format!("/v1/order/{order}?b=%2f&a=x+y");
    // The host's cache asks for a HEAD as for a GET.
    for method in ["GET", "HEAD"] {
        let line = signatures::now(ERP, "GET", &path, "")?;
        sent(&api, method, &path, &line, "")?.expect(200)?;
        for again in ["GET", "HEAD"] {
            let reply = sent(&api, again, &path, &line, "")?;
            assert_eq!(reply.status, 401, "{method}, then {again}: {reply:?}");
        }
    }
    Ok(())
}
