//! Placing an order: its key, its id, its way to the batch writer, and its place in the cache.

use super::Call;
use crate::store::redis as keys;
use domain::id::EPOCH_MS;
use domain::{Gene, Ms, OrderId, UserId};
use std::borrow::Cow;

/// Asks to be admitted under a key.
#[derive(Clone, Copy, Debug)]
pub struct Admit<'a> {
    /// Of the request's state; see [`keys::admission`].
    pub key: &'a str,
    pub user: UserId,
    /// Hash of the payload.
    pub payload: &'a str,
    /// How long the request may be at work.
    pub processing_ms: Ms,
    /// Orders the user may place in a window; 0 = any number.
    pub orders_max: u32,
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

/// What is kept under the key of a request that made an order.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    pub key: &'a str,
    /// The id the request was admitted with.
    pub admitted: OrderId,
    /// Hash of the payload.
    pub payload: &'a str,
    pub kept_ms: Ms,
    /// HTTP status.
    pub status: u16,
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
    pub id: OrderId,
    /// 0 where there is none.
    pub version: u32,
    pub value: Cow<'a, str>,
    pub kept_ms: Ms,
}

/// Ends a request: keeps its response, caches the order, wakes the relay of the shard.
pub fn complete<'a>(response: &Response<'a>, cached: Cached<'a>, shard: usize) -> Call<'a> {
    let keys = [response.key.to_owned(), keys::order(cached.id)];
    response
        .arguments(Call::new(&keys::COMPLETE, keys))
        .arg(cached.version)
        .text(cached.value)
        .arg(cached.kept_ms)
        .text(keys::OUTBOX_CHANNEL)
        .arg(shard)
}

/// Hands an order to the batch writer: `entry` are the fields of its intake entry. The response's body is how the order
/// is found meanwhile.
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
    let call = response
        .arguments(Call::new(&keys::ENQUEUE, keys))
        .text(response.body)
        .arg(entries_max)
        .text(keys::INTAKE_CHANNEL);
    entry
        .iter()
        .fold(call, |call, (field, value)| call.text(*field).text(*value))
}

/// Frees the key of the request that was admitted with this id, where it is in this state: [`keys::PROCESSING`] or
/// [`keys::COMPLETED`].
pub fn free(key: String, admitted: OrderId, state: &'static str) -> Call<'static> {
    Call::new(&keys::FREE, [key])
        .arg(admitted.tick())
        .text(state)
}

/// Mints an id.
pub fn mint(gene: Gene) -> Call<'static> {
    Call::new(&keys::MINT, [keys::id_counter(gene)]).arg(EPOCH_MS)
}

/// Caches an order, unless a newer version is there.
pub fn cache(cached: Cached<'_>) -> Call<'_> {
    Call::new(&keys::CACHE_ORDER, [keys::order(cached.id)])
        .arg(cached.version)
        .text(cached.value)
        .arg(cached.kept_ms)
}

/// Removes entries of an intake stream that are done with.
pub fn settle_intake<'a>(stream: &str, ids: &[&'a str]) -> Call<'a> {
    let call = Call::new(&keys::SETTLE_INTAKE, [stream.to_owned()]).text(keys::INTAKE_GROUP);
    ids.iter().fold(call, |call, id| call.text(*id))
}
