//! Clients that request much and read little or nothing of it.

use crate::crowd::crowd;
use crate::shop::Shop;
use crate::siege::{Target, until};
use crate::wire::{Wire, list};
use anyhow::Result;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::time::{interval, timeout_at};

/// Clients, each with a reply of about a megabyte.
const CLIENTS: usize = 96;
/// Between the requests of two clients: no burst, but the replies are never read.
const APART: Duration = Duration::from_millis(20);
const READ_EVERY: Duration = Duration::from_secs(1);

async fn ask(target: Target, index: usize, request: &[u8]) -> Result<Wire> {
    let turn = Instant::now() + APART * index as u32;
    until(turn.min(target.until)).await;
    let mut wire = Wire::narrow(target.address).await?;
    wire.send(request).await?;
    Ok(wire)
}

async fn reads_a_byte_a_second(target: Target, index: usize, request: Vec<u8>) -> Result<()> {
    let mut wire = ask(target, index, &request).await?;
    let mut pace = interval(READ_EVERY);
    while !target.is_over() {
        pace.tick().await;
        let byte = timeout_at(target.until.into(), wire.stream.read_u8()).await;
        // The host may give up such a client.
        if matches!(byte, Ok(Err(_))) {
            break;
        }
    }
    Ok(())
}

async fn reads_nothing(target: Target, index: usize, request: Vec<u8>) -> Result<()> {
    let _unread = ask(target, index, &request).await?;
    target.hold().await;
    Ok(())
}

#[test]
fn readers_of_a_byte_a_second() -> Result<()> {
    let shop = Shop::open()?;
    let request = list(shop.collector()?, 10);
    shop.besiege(|target| {
        crowd(target, CLIENTS, move |index| {
            reads_a_byte_a_second(target, index, request.clone())
        })
    });
    Ok(())
}

#[test]
fn closed_receive_windows() -> Result<()> {
    let shop = Shop::open()?;
    let request = list(shop.collector()?, 10);
    shop.besiege(|target| {
        crowd(target, CLIENTS, move |index| {
            reads_nothing(target, index, request.clone())
        })
    });
    Ok(())
}
