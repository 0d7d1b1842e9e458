//! HTTP/2 clients that request much and read little or nothing: their small flow-control windows keep the replies in
//! the host.

use crate::crowd::crowd;
use crate::frames::{
    END_STREAM, H2, INITIAL_WINDOW_SIZE, PREFACE, headers, request, settings, streams,
    window_update,
};
use crate::shop::Shop;
use crate::siege::Target;
use crate::wire::Wire;
use anyhow::{Result, ensure};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::{interval, timeout_at};

/// Connections, and streams on each: the most that the host allows a client.
const CONNECTIONS: usize = 16;
const STREAMS: usize = 256;
const CLOSED: [(u16, u32); 1] = [(INITIAL_WINDOW_SIZE, 0)];
/// Between two requests of a client that sends no burst, and between two bytes that it lets through.
const APART: Duration = Duration::from_millis(80);
/// Between two checks whether the host has closed a connection.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Requests for `count` pages, each on a stream of its own.
fn pages(user: u64, page_size: u32, count: usize) -> Vec<Vec<u8>> {
    let path = format!("/v1/order/list?user_id={user}&page_size={page_size}");
    let block = request("GET", &path);
    streams(count)
        .map(|stream| headers(stream, END_STREAM, &block))
        .collect()
}

/// Sends the requests over a new connection whenever the host has closed the last one.
async fn closed(target: Target, asked: Vec<u8>) -> Result<()> {
    let mut look = interval(LOOK_EVERY);
    while !target.is_over() {
        let mut h2 = H2::connect(target.address, &CLOSED).await?;
        let _ = h2.send(&asked).await;
        while !target.is_over() && !h2.is_over() {
            look.tick().await;
        }
    }
    Ok(())
}

#[test]
fn closed_windows_of_long_pages() -> Result<()> {
    let shop = Shop::open()?;
    let asked = pages(shop.collector()?, 10, STREAMS).concat();
    shop.besiege(|target| crowd(target, CONNECTIONS, move |_| closed(target, asked.clone())));
    Ok(())
}

#[test]
fn closed_windows_of_short_pages() -> Result<()> {
    let shop = Shop::open()?;
    let asked = pages(shop.collector()?, 1, STREAMS).concat();
    shop.besiege(|target| crowd(target, CONNECTIONS, move |_| closed(target, asked.clone())));
    Ok(())
}

/// Lets one more byte of each reply through from time to time.
async fn dribble(target: Target, asked: Vec<Vec<u8>>) -> Result<()> {
    let mut h2 = H2::connect(target.address, &CLOSED).await?;
    let more: Vec<u8> = streams(asked.len())
        .flat_map(|stream| window_update(stream, 1))
        .collect();
    let mut pace = interval(APART);
    for page in asked {
        pace.tick().await;
        h2.send(&page).await?;
    }
    while !target.is_over() && !h2.is_over() {
        pace.tick().await;
        if h2.send(&more).await.is_err() {
            break;
        }
    }
    ensure!(h2.frames() > 0, "not one frame came");
    Ok(())
}

#[test]
fn windows_that_open_byte_by_byte() -> Result<()> {
    let shop = Shop::open()?;
    let asked = pages(shop.collector()?, 10, 24);
    shop.besiege(|target| crowd(target, 4, move |_| dribble(target, asked.clone())));
    Ok(())
}

/// Nothing is read from the sockets, so their buffers fill.
#[test]
fn http_2_that_is_never_read() -> Result<()> {
    async fn ask(target: Target, asked: Vec<Vec<u8>>) -> Result<()> {
        let mut wire = Wire::narrow(target.address).await?;
        wire.send(&[PREFACE, &settings(&[])].concat()).await?;
        let mut pace = interval(APART * 2);
        for page in asked {
            pace.tick().await;
            let _ = timeout_at(target.until.into(), wire.stream.write_all(&page)).await;
        }
        target.hold().await;
        Ok(())
    }
    let shop = Shop::open()?;
    let asked = pages(shop.collector()?, 10, 12);
    shop.besiege(|target| crowd(target, 8, move |_| ask(target, asked.clone())));
    Ok(())
}

#[test]
fn prefaces_and_then_silence() -> Result<()> {
    async fn open(target: Target, begin: Vec<u8>) -> Result<()> {
        let mut wire = Wire::connect(target.address).await?;
        wire.send(&begin).await?;
        target.hold().await;
        Ok(())
    }
    let shop = Shop::open()?;
    let begins = [
        PREFACE.to_vec(),
        [PREFACE, &settings(&[])].concat(),
        PREFACE[..20].to_vec(),
    ];
    shop.besiege(|target| {
        crowd(target, 1_500, move |index| {
            open(target, begins[index % 3].clone())
        })
    });
    Ok(())
}
