//! Clients that send their requests slowly or never.

use crate::crowd::crowd;
use crate::shop::Shop;
use crate::siege::Target;
use crate::wire::{REPLY_WITHIN, Wire, get};
use anyhow::Result;
use std::time::Duration;
use tokio::time::interval;

const SEND_EVERY: Duration = Duration::from_millis(100);
const HEADS: usize = 500;
const BODIES: usize = 400;
const PREFACES: usize = 3_000;
/// More connections than a host accepts by default.
const IDLE: usize = 8_192 + 512;
/// Clients that open those connections, each one after the other.
const OPENERS: usize = 32;

/// Sends `head`, then `piece` in a loop until the host closes the connection.
async fn dribble(target: Target, head: &'static str, piece: &'static str) -> Result<()> {
    let mut wire = Wire::connect(target.address).await?;
    let mut pace = interval(SEND_EVERY);
    let mut sent = wire.send(head.as_bytes()).await;
    while sent.is_ok() && !target.is_over() {
        pace.tick().await;
        sent = wire.send(piece.as_bytes()).await;
    }
    Ok(())
}

#[test]
fn heads_byte_by_byte() -> Result<()> {
    const HEAD: &str = "GET /health HTTP/1.1\r\nhost: x\r\nx-long: ";
    let shop = Shop::open()?;
    // For half of them not even the request line is complete.
    let head = |index| if index % 2 == 0 { HEAD } else { "GET /" };
    shop.besiege(|target| {
        crowd(target, HEADS, move |index| {
            dribble(target, head(index), "a")
        })
    });
    Ok(())
}

#[test]
fn bodies_byte_by_byte() -> Result<()> {
    const DECLARED: &str = "POST /v1/order/create HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 60000\r\n\r\n";
    const CHUNKED: &str = "POST /v1/order/create HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let shop = Shop::open()?;
    let client = |target, index| match index % 2 {
        0 => dribble(target, DECLARED, " "),
        _ => dribble(target, CHUNKED, "1\r\n \r\n"),
    };
    shop.besiege(|target| crowd(target, BODIES, move |index| client(target, index)));
    Ok(())
}

/// The beginning of HTTP/2's preface, as far as a server may read ahead to distinguish it from HTTP/1.
#[test]
fn beginnings_of_a_preface() -> Result<()> {
    const BEGINNINGS: [&str; 4] = ["PRI", "PR", "P", "PRI * HTTP/2.0\r\n"];
    async fn open(target: Target, index: usize) -> Result<()> {
        let mut wire = Wire::connect(target.address).await?;
        let beginning = BEGINNINGS[index % BEGINNINGS.len()];
        wire.send(beginning.as_bytes()).await?;
        target.hold().await;
        Ok(())
    }
    let shop = Shop::open()?;
    shop.besiege(|target| crowd(target, PREFACES, move |index| open(target, index)));
    Ok(())
}

/// Idle connections make room for active ones.
#[test]
fn idle_connections_beyond_the_most() -> Result<()> {
    async fn open(target: Target, index: usize) -> Result<()> {
        let mut held = Vec::new();
        for _ in 0..IDLE / OPENERS {
            if target.is_over() {
                break;
            }
            // What happens to these is up to the host.
            let Ok(mut wire) = Wire::connect(target.address).await else {
                continue;
            };
            let has_asked = index.is_multiple_of(2);
            if has_asked && wire.send(&get("/.well-known/spin/health")).await.is_ok() {
                let _ = wire.reply(REPLY_WITHIN).await;
            }
            held.push(wire);
        }
        target.hold().await;
        Ok(())
    }
    let shop = Shop::open()?;
    shop.besiege(|target| crowd(target, OPENERS, move |index| open(target, index)));
    Ok(())
}
