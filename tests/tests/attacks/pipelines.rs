//! Clients that pipeline requests on one connection and never read. The host handles no more of them than it can buffer
//! replies for.

use crate::crowd::crowd;
use crate::shop::Shop;
use crate::siege::Target;
use crate::wire::{Wire, get, list};
use anyhow::Result;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout_at;

/// Requests one client sends at most.
const REQUESTS_MAX: usize = 100_000;

async fn ask_and_never_read(target: Target, request: Vec<u8>) -> Result<()> {
    let mut wire = Wire::narrow(target.address).await?;
    for _ in 0..REQUESTS_MAX {
        let sent = timeout_at(target.until.into(), wire.stream.write_all(&request)).await;
        // The time is over, or the host has given up this client, which it may.
        if !matches!(sent, Ok(Ok(()))) {
            break;
        }
    }
    target.hold().await;
    Ok(())
}

#[test]
fn one_pipeline_of_long_replies_never_read() -> Result<()> {
    let shop = Shop::open()?;
    let request = list(shop.collector()?, 100);
    shop.besiege(|target| ask_and_never_read(target, request));
    Ok(())
}

#[test]
fn pipelines_of_long_replies_never_read() -> Result<()> {
    let shop = Shop::open()?;
    let request = list(shop.collector()?, 10);
    shop.besiege(|target| {
        crowd(target, 8, move |_| {
            ask_and_never_read(target, request.clone())
        })
    });
    Ok(())
}

#[test]
fn pipelines_of_short_replies_never_read() -> Result<()> {
    let shop = Shop::open()?;
    let path = format!("/api/v1/products/{}", shop.product());
    shop.besiege(|target| crowd(target, 8, move |_| ask_and_never_read(target, get(&path))));
    Ok(())
}
