//! Attacks on a separate host process, each for some seconds beside honest clients, who must notice nothing: all of
//! their requests are answered correctly and in time, the host's memory is bounded, and afterwards it comes to rest.
//! One attack at a time; `ATTACK_SECONDS` sets how long each lasts.
#![allow(clippy::unwrap_used)] // a failed unwrap in a test is a failed test

mod crowd;
mod frames;
mod framing;
mod guests;
mod h2_floods;
mod h2_windows;
mod honest;
mod logs;
mod pages;
mod pipelines;
mod probes;
mod shop;
mod siege;
mod slow_readers;
mod slow_senders;
mod statements;
mod vitals;
mod wire;
