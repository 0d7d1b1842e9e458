//! HTTP/1.1 requests with wrong boundaries: bytes after a body, heads that must be refused, bodies that are refused
//! while they are still being sent. Each client gets a readable answer.

use crate::crowd::crowd;
use crate::shop::Shop;
use crate::siege::Target;
use crate::wire::{REPLY_WITHIN, Reply, Wire, create, get};
use anyhow::{Context, Result, ensure};
use platform::shop::buyer;
use std::time::Duration;
use tokio::time::interval;

/// Between two requests of one client, so that the flood leaves processor time to the host.
const PACE: Duration = Duration::from_millis(20);
/// Clients of each kind at a time.
const CLIENTS: usize = 6;

fn placed(reply: &Reply, behind: &str) -> Result<()> {
    let status = reply.status;
    ensure!(status == 200, "{behind:?}: {status} {}", reply.begin());
    Ok(())
}

/// RFC 9112, 2.2: a server ignores an empty line before a request; some clients send one after each body.
#[test]
fn empty_lines_behind_a_body() -> Result<()> {
    const BEHIND: [&str; 3] = ["\r\n", "\n", "\r\n\r\n"];
    let shop = Shop::open()?;
    let product = shop.product();
    let client = move |target: Target, index: usize| async move {
        let (user, behind) = (buyer(), BEHIND[index % BEHIND.len()]);
        let mut pace = interval(PACE);
        // Some are sent together with the request, others a moment later.
        let at_once = index < BEHIND.len();
        let mut wire = Wire::connect(target.address).await?;
        while !target.is_over() {
            pace.tick().await;
            let mut request = create(user, product);
            if at_once {
                request.extend_from_slice(behind.as_bytes());
            }
            wire.send(&request).await?;
            if !at_once {
                tokio::task::yield_now().await;
                wire.send(behind.as_bytes()).await?;
            }
            let reply = wire.reply(REPLY_WITHIN).await;
            placed(&reply.with_context(|| format!("{behind:?}"))?, behind)?;
        }
        Ok(())
    };
    shop.besiege(|target| crowd(target, CLIENTS, move |index| client(target, index)));
    Ok(())
}

/// Pipelined requests may follow each other without a pause.
#[test]
fn half_of_the_next_request_behind_a_body() -> Result<()> {
    let shop = Shop::open()?;
    let product = shop.product();
    let client = move |target: Target| async move {
        let (user, next) = (buyer(), get("/v1/order/list?user_id=1"));
        let mut pace = interval(PACE);
        let mut wire = Wire::connect(target.address).await?;
        for cut in (1..next.len()).cycle() {
            if target.is_over() {
                break;
            }
            pace.tick().await;
            let (first, rest) = next.split_at(cut);
            wire.send(&[&create(user, product), first].concat()).await?;
            let half = format!("half a request of {cut} bytes behind");
            let reply = wire.reply(REPLY_WITHIN).await.context(half.clone())?;
            placed(&reply, &half)?;
            wire.send(rest).await?;
            let reply = wire.reply(REPLY_WITHIN).await.context("its other half")?;
            placed(&reply, "its other half")?;
        }
        Ok(())
    };
    shop.besiege(|target| crowd(target, CLIENTS, move |_| client(target)));
    Ok(())
}

/// Heads that every server must refuse, each with a name.
fn refused() -> Vec<(&'static str, String)> {
    let create =
        |headers: &str| format!("POST /v1/order/create HTTP/1.1\r\nhost: x\r\n{headers}\r\n{{}}");
    let read = |headers: &str| format!("GET /ready HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
    let many: String = (0..120)
        .map(|number| format!("x-{number}: 1\r\n"))
        .collect();
    let long = "x".repeat(70 * 1024);
    vec![
        ("a length with a sign", create("content-length: +2\r\n")),
        ("a list of lengths", create("content-length: 1, 2\r\n")),
        (
            "two lengths",
            create("content-length: 2\r\ncontent-length: 3\r\n"),
        ),
        ("a length in words", create("content-length: two\r\n")),
        ("a negative length", create("content-length: -1\r\n")),
        (
            "an endless length",
            create("content-length: 99999999999999999999\r\n"),
        ),
        (
            "a length and chunks",
            create("content-length: 2\r\ntransfer-encoding: chunked\r\n"),
        ),
        ("an unknown coding", create("transfer-encoding: gzip\r\n")),
        ("120 headers", read(&many)),
        ("a header of 70 KB", read(&format!("x-long: {long}\r\n"))),
        (
            "a target of 70 KB",
            format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"),
        ),
        ("a NUL in a header", read("x-nul: a\0b\r\n")),
        ("a space before the colon", read("x-space : a\r\n")),
        ("a header without colon", read("nothing\r\n")),
        ("a control character in a name", read("x\x01y: a\r\n")),
        ("no host", "GET /ready HTTP/1.1\r\n\r\n".to_owned()),
        ("two hosts", read("host: y\r\n")),
        (
            "a method that is none",
            "G@T /ready HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
        ),
        (
            "a version that is none",
            "GET /ready HTTP/9.7\r\nhost: x\r\n\r\n".to_owned(),
        ),
        (
            "no version",
            "GET /ready HTTQ\r\nhost: x\r\n\r\n".to_owned(),
        ),
        (
            "a target that is none",
            "GET ready HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
        ),
        (
            "bytes of no protocol",
            "\x16\x03\x01\x02\x02garbage\r\n\r\n".to_owned(),
        ),
    ]
}

#[test]
fn refused_heads() -> Result<()> {
    let shop = Shop::open()?;
    let client = move |target: Target, (name, head): (&'static str, String)| async move {
        let mut pace = interval(PACE);
        while !target.is_over() {
            pace.tick().await;
            let mut wire = Wire::connect(target.address).await.context(name)?;
            wire.send(head.as_bytes()).await.context(name)?;
            let reply = wire.reply(REPLY_WITHIN).await.context(name)?;
            reply.is_refusal().context(name)?;
        }
        Ok(())
    };
    let heads = refused();
    shop.besiege(|target| {
        crowd(target, heads.len(), move |index| {
            client(target, heads[index].clone())
        })
    });
    Ok(())
}

/// Many clients write everything before they read: an early answer must still be readable then.
#[test]
fn early_answers_to_clients_that_write_first() -> Result<()> {
    const MB: usize = 1024 * 1024;
    let shop = Shop::open()?;
    let cases = [
        (
            "too long for the host",
            "/v1/order/create",
            8 * MB,
            false,
            413,
        ),
        (
            "chunks too long for the host",
            "/v1/order/create",
            8 * MB,
            true,
            413,
        ),
        (
            "too long for the function",
            "/v1/order/create",
            MB,
            false,
            413,
        ),
        (
            "chunks too long for the function",
            "/v1/order/create",
            MB,
            true,
            413,
        ),
        ("to nobody", "/nowhere", 3 * MB, false, 404),
    ];
    let client = move |target: Target, index: usize| async move {
        let (name, path, length, chunked, status) = cases[index];
        let mut pace = interval(PACE * 5);
        while !target.is_over() {
            pace.tick().await;
            let mut wire = Wire::connect(target.address).await?;
            // The host may stop reading or close the connection; only the answer counts.
            let _ = wire.send(&long_post(path, length, chunked)).await;
            let reply = wire.reply(REPLY_WITHIN).await.context(name)?;
            ensure!(
                reply.status == status,
                "{name}: {} {}",
                reply.status,
                reply.begin()
            );
            reply.is_refusal().context(name)?;
        }
        Ok(())
    };
    shop.besiege(|target| crowd(target, cases.len(), move |index| client(target, index)));
    Ok(())
}

fn long_post(path: &str, length: usize, chunked: bool) -> Vec<u8> {
    let framing = match chunked {
        true => "transfer-encoding: chunked".to_owned(),
        false => format!("content-length: {length}"),
    };
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{framing}\r\n\r\n"
    );
    let mut request = head.into_bytes();
    if chunked {
        request.extend_from_slice(format!("{length:x}\r\n").as_bytes());
    }
    request.resize(request.len() + length, b'x');
    if chunked {
        request.extend_from_slice(b"\r\n0\r\n\r\n");
    }
    request
}
