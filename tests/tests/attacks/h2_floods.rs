//! HTTP/2 clients that send cheap frames as fast as they can.

use crate::crowd::crowd;
use crate::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, H2, HEADERS, NEWEST, PING, PRIORITY,
    RST_STREAM, SETTINGS, UNKNOWN, entry, frame, headers, literal, request, streams,
};
use crate::shop::Shop;
use crate::siege::Target;
use anyhow::Result;
use std::time::Duration;
use tokio::time::interval;

/// Clients of each kind.
const CLIENTS: usize = 4;
/// Least time between two connections of a client.
const AGAIN_AFTER: Duration = Duration::from_millis(10);
/// Pieces one client sends over one connection.
const PIECES_MAX: usize = 1_000_000;

/// Sends `piece(0)`, `piece(1)`, … over a connection. When the host closes it, starts again from 0 over a new one.
async fn flood(target: Target, piece: impl Fn(usize) -> Vec<u8>) -> Result<()> {
    let mut again = interval(AGAIN_AFTER);
    while !target.is_over() {
        again.tick().await;
        // A host under attack may refuse; the honest clients check whether it still serves.
        let Ok(mut h2) = H2::connect(target.address, &[]).await else {
            continue;
        };
        for number in 0..PIECES_MAX {
            if target.is_over() || h2.is_over() || h2.send(&piece(number)).await.is_err() {
                break;
            }
        }
    }
    Ok(())
}

/// The 20 stream numbers of a piece.
fn twenty(number: usize) -> impl Iterator<Item = u32> {
    streams(usize::MAX).skip(number * 20).take(20)
}

#[test]
fn requests_that_are_reset_at_once() -> Result<()> {
    let shop = Shop::open()?;
    let path = format!("/v1/order/list?user_id={}&page_size=10", shop.collector()?);
    let block = request("GET", &path);
    let client = move |target| {
        let block = block.clone();
        flood(target, move |number| {
            let pair = |stream| {
                let reset = frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
                [headers(stream, END_STREAM, &block), reset].concat()
            };
            twenty(number).flat_map(pair).collect()
        })
    };
    shop.besiege(|target| crowd(target, CLIENTS, move |_| client(target)));
    Ok(())
}

/// A header list that never ends.
#[test]
fn continuations_without_end() -> Result<()> {
    fn piece(number: usize) -> Vec<u8> {
        match number {
            0 => frame(HEADERS, END_STREAM, 1, &request("GET", "/health")),
            _ => {
                let mut block = Vec::new();
                literal(&mut block, "x-more", &"m".repeat(1000));
                frame(CONTINUATION, 0, 1, &block)
            }
        }
    }
    let shop = Shop::open()?;
    shop.besiege(|target| crowd(target, CLIENTS, move |_| flood(target, piece)));
    Ok(())
}

/// Sends only these frames, repeated.
fn flood_of(frames: &[Vec<u8>]) -> Result<()> {
    const AT_ONCE: usize = 200;
    let pieces: Vec<Vec<u8>> = frames.iter().map(|frame| frame.repeat(AT_ONCE)).collect();
    let shop = Shop::open()?;
    shop.besiege(|target| {
        crowd(target, CLIENTS, move |index| {
            let piece = pieces[index % pieces.len()].clone();
            flood(target, move |_| piece.clone())
        })
    });
    Ok(())
}

/// Each demands an acknowledgement.
#[test]
fn pings() -> Result<()> {
    flood_of(&[frame(PING, 0, 0, &[7; 8])])
}

/// Each demands an acknowledgement, and some change the flow-control window.
#[test]
fn settings() -> Result<()> {
    let window = [0, 4, 0, 0, 0xff, 0xff];
    flood_of(&[frame(SETTINGS, 0, 0, &window), frame(SETTINGS, 0, 0, &[])])
}

/// Each must be parsed and has no effect.
#[test]
fn frames_without_meaning() -> Result<()> {
    flood_of(&[
        frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 16]),
        frame(UNKNOWN, 0, 0, &[0; 16]),
        frame(PING, ACK, 0, &[7; 8]),
    ])
}

/// A body without end and without a byte.
#[test]
fn bodies_of_empty_frames() -> Result<()> {
    fn piece(number: usize) -> Vec<u8> {
        match number {
            0 => headers(1, 0, &request("POST", "/v1/order/create")),
            _ => frame(DATA, 0, 1, &[]).repeat(100),
        }
    }
    let shop = Shop::open()?;
    shop.besiege(|target| crowd(target, CLIENTS, move |_| flood(target, piece)));
    Ok(())
}

/// Requests whose body never comes, with as many headers as a host accepts.
async fn wait_with(target: Target, blocks: Vec<Vec<u8>>) -> Result<()> {
    let mut again = interval(AGAIN_AFTER);
    while !target.is_over() {
        again.tick().await;
        let Ok(mut h2) = H2::connect(target.address, &[]).await else {
            continue;
        };
        let mut sent = Ok(());
        for (stream, block) in streams(blocks.len()).zip(&blocks) {
            sent = sent.and(h2.send(&headers(stream, 0, block)).await);
        }
        if sent.is_ok() {
            target.hold().await;
        }
    }
    Ok(())
}

#[test]
fn long_header_lists() -> Result<()> {
    const STREAMS: usize = 100;
    let mut block = request("POST", "/v1/order/create");
    for number in 0..60 {
        literal(&mut block, &format!("x-{number}"), &"v".repeat(980));
    }
    let blocks = vec![block; STREAMS];
    let shop = Shop::open()?;
    shop.besiege(|target| crowd(target, CLIENTS, move |_| wait_with(target, blocks.clone())));
    Ok(())
}

/// A few bytes each on the wire, 60 KB each once decoded.
#[test]
fn header_lists_that_grow_when_unpacked() -> Result<()> {
    const STREAMS: usize = 250;
    let mut first = request("POST", "/v1/order/create");
    entry(&mut first, "x-long", &"v".repeat(3_900));
    let mut next = request("POST", "/v1/order/create");
    next.extend([NEWEST; 15]);
    let mut blocks = vec![first];
    blocks.resize(STREAMS, next);
    let shop = Shop::open()?;
    shop.besiege(|target| crowd(target, CLIENTS, move |_| wait_with(target, blocks.clone())));
    Ok(())
}

/// Only HEADERS frames: streams are opened and nothing follows on them.
#[test]
fn streams_without_end() -> Result<()> {
    let block = request("POST", "/v1/order/create");
    let client = move |target| {
        let block = block.clone();
        flood(target, move |number| {
            twenty(number)
                .flat_map(|stream| frame(HEADERS, END_HEADERS, stream, &block))
                .collect()
        })
    };
    let shop = Shop::open()?;
    shop.besiege(|target| crowd(target, CLIENTS, move |_| client(target)));
    Ok(())
}
