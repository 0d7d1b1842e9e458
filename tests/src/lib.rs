//! What the end-to-end tests share: the functions' wasm files, the whole platform as private processes, a client that
//! speaks to it and holds each reply against the OpenAPI document, a shop to fill it with, flash sales, and what lies
//! in its topics.

pub mod app;
pub mod client;
pub mod component;
pub mod lists;
pub mod openapi;
pub mod proxy;
pub mod sale;
pub mod shop;
pub mod topics;
