//! What the end-to-end tests share: the functions' wasm files, the whole platform as private processes,
//! a client that speaks to it, and a shop to fill it with.

pub mod app;
pub mod client;
pub mod component;
pub mod shop;
