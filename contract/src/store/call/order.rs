//! Placing an order: idempotency key, order id, intake stream, cache.

use super::Call;
use crate::store::redis as keys;
use domain::id::EPOCH_MS;
use domain::{Gene, Ms, OrderId, UserId};
use std::borrow::Cow;

/// Admits a request under its idempotency key.
#[derive(Clone, Copy, Debug)]
pub struct Admit<'a> {
    /// Redis key of the request's state; see [`keys::admission`].
    pub key: &'a str,
    /// The buyer; their gene is part of the order id.
    pub user: UserId,
    /// Hash of the payload, in hex.
    pub payload: &'a str,
    /// How long the state `processing` is kept.
    pub processing_ms: Ms,
    /// Orders the user may place in a window; 0 = any number.
    pub orders_max: u32,
    /// Length of the window.
    pub window_ms: Ms,
}

impl<'a> From<Admit<'a>> for Call<'a> {
    fn from(admit: Admit<'a>) -> Self {
        let keys = [
            admit.key.to_owned(),
            keys::id_counter(admit.user.gene()),
            keys::rate_limit(admit.user),
        ];
        Call::new(&keys::ADMIT, keys)
            .text(admit.payload)
            .arg(admit.processing_ms)
            .arg(EPOCH_MS)
            .arg(admit.orders_max)
            .arg(admit.window_ms)
    }
}

/// What is stored under the key of a request that made an order.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// Redis key of the request's state.
    pub key: &'a str,
    /// The id the request was admitted with.
    pub admitted: OrderId,
    /// Hash of the payload, in hex.
    pub payload: &'a str,
    /// How long it answers repeats.
    pub kept_ms: Ms,
    /// HTTP status.
    pub status: u16,
    /// The order's JSON on `/v1`.
    pub body: &'a str,
}

impl<'a> Response<'a> {
    fn arguments(&self, call: Call<'a>) -> Call<'a> {
        call.arg(self.admitted.tick())
            .text(self.payload)
            .arg(self.kept_ms)
            .arg(self.status)
            .text(self.body)
    }
}

/// An order as the cache keeps it.
#[derive(Clone, Debug)]
pub struct Cached<'a> {
    /// The order.
    pub id: OrderId,
    /// 0 where there is none.
    pub version: u32,
    /// As `CachedOrder` renders it.
    pub value: Cow<'a, str>,
    /// How long it is cached.
    pub kept_ms: Ms,
}

impl<'a> Cached<'a> {
    fn arguments(self, call: Call<'a>) -> Call<'a> {
        call.arg(self.version).text(self.value).arg(self.kept_ms)
    }
}

/// Completes a request: stores its response, caches the order, notifies the relay of the shard.
pub fn complete<'a>(response: &Response<'a>, cached: Cached<'a>, shard: usize) -> Call<'a> {
    let keys = [response.key.to_owned(), keys::order(cached.id)];
    let call = response.arguments(Call::new(&keys::COMPLETE, keys));
    cached.arguments(call).text(keys::OUTBOX_CHANNEL).arg(shard)
}

/// Appends an order to the intake of its user, for the batch writer. `entry`: the fields of the entry; `entries_max`:
/// of the stream. Until the order is written, readers are shown the body of the response.
pub fn enqueue<'a>(
    response: &Response<'a>,
    user: UserId,
    entries_max: u64,
    entry: &[(&'a str, &'a str)],
) -> Call<'a> {
    let keys = [
        response.key.to_owned(),
        keys::queued(response.admitted),
        keys::order_intake(user.gene()),
    ];
    response
        .arguments(Call::new(&keys::ENQUEUE, keys))
        .text(response.body)
        .arg(entries_max)
        .text(keys::INTAKE_CHANNEL)
        .fields(entry)
}

/// Frees the key of the request that was admitted with this id, if its state is this one: [`keys::PROCESSING`] or
/// [`keys::COMPLETED`].
pub fn free(key: String, admitted: OrderId, state: &'static str) -> Call<'static> {
    Call::new(&keys::FREE, [key])
        .arg(admitted.tick())
        .text(state)
}

/// Mints an order id for a gene.
pub fn mint(gene: Gene) -> Call<'static> {
    Call::new(&keys::MINT, [keys::id_counter(gene)]).arg(EPOCH_MS)
}

/// Caches an order, unless a newer version is cached.
pub fn cache(cached: Cached<'_>) -> Call<'_> {
    let key = keys::order(cached.id);
    cached.arguments(Call::new(&keys::CACHE_ORDER, [key]))
}

/// Acknowledges and removes entries of an intake stream.
pub fn settle_intake<'a>(stream: &str, ids: &[&'a str]) -> Call<'a> {
    let call = Call::new(&keys::SETTLE_INTAKE, [stream.to_owned()]).text(keys::INTAKE_GROUP);
    ids.iter().fold(call, |call, id| call.text(*id))
}
