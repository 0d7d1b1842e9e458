//! Many concurrent requests for the longest pages: each is served or refused as too large, and none fails.

use crate::crowd::crowd;
use crate::shop::Shop;
use crate::siege::Target;
use crate::wire::{Wire, get};
use anyhow::{Context, Result, ensure};
use std::time::Duration;

const CLIENTS: usize = 32;
/// How long one of these pages may take while the others are requested too.
const WITHIN: Duration = Duration::from_secs(10);

async fn read(target: Target, path: String) -> Result<()> {
    while !target.is_over() {
        let mut wire = Wire::connect(target.address).await?;
        wire.send(&get(&path)).await?;
        let reply = wire.reply(WITHIN).await.context(path.clone())?;
        let fine = matches!(reply.status, 200 | 400);
        ensure!(fine, "{path}: {}", reply.status);
    }
    Ok(())
}

#[test]
fn long_pages_of_long_orders() -> Result<()> {
    let shop = Shop::open()?;
    let user = shop.collector()?;
    let paths = [
        format!("/v1/order/list?user_id={user}&page_size=100"),
        format!("/v1/order/search?user_id={user}&page_size=100"),
        format!("/api/v1/users/{user}/orders?pageSize=100"),
        format!("/orders?user_id={user}&page_size=100"),
    ];
    shop.besiege(|target| {
        crowd(target, CLIENTS, move |index| {
            read(target, paths[index % 4].clone())
        })
    });
    Ok(())
}
