//! Redis: the names of keys and the scripts that work on them. All keys of one script share a hash tag, `{u<gene mod
//! 64>}` for what belongs to a user and `{p<product>}` for stock, so that everything runs on Redis Cluster.

use domain::hex::hex;
use domain::{Gene, OrderId, ProductId, SeckillId, UserId};

/// Channel on which the index of a shard is published when it has new outbox rows. Only a hint.
pub const OUTBOX_CHANNEL: &str = "outbox";

/// A Lua script: called by its SHA-1 first, sent as text where the server does not have it.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    /// Unique; its SHA-1 is cached by it.
    pub name: &'static str,
    /// Lua source, with `rate` in front where the script counts requests.
    pub text: &'static str,
}

macro_rules! scripts {
    ($($(#[$doc:meta])* $constant:ident = $file:literal $(behind $before:literal)?;)*) => {
        $($(#[$doc])* pub const $constant: Script = Script {
            name: $file,
            text: concat!($(include_str!(concat!("redis/", $before, ".lua")),)? include_str!(concat!("redis/", $file, ".lua"))),
        };)*
        /// Every script of this crate, for tests that run them all.
        pub const SCRIPTS: &[Script] = &[$($constant),*];
    };
}

scripts! {
    /// Admits a request under its idempotency key and mints the order id.
    ADMIT = "admit";
    /// Completes an admitted request.
    COMPLETE = "complete";
    /// Frees the key of a request without effect, or of an order that was given up.
    FREE = "free";
    /// Reserves units of a product for an order.
    RESERVE = "reserve";
    /// Releases reservations.
    RELEASE = "release";
    /// Applies the database's stock and settles reservations.
    SYNC = "sync";
    /// Caches an order by version.
    CACHE_ORDER = "cache_order";
    /// Caches a catalogue entry.
    CACHE_PRODUCT = "cache_product";
    /// Reads a catalogue entry and its stock.
    PRODUCT = "product";
    /// Mints an order id.
    MINT = "mint";
    /// Takes a token from a bucket, as each attempt to log in needs one, and each change from an address.
    BUCKET = "bucket";
    /// Counts a request to place an order in the window of its user.
    WINDOW = "window";
    /// Accepts an order to be written later.
    ENQUEUE = "enqueue";
    /// Acknowledges and removes intake entries.
    SETTLE_INTAKE = "settle_intake";
    /// Reserves ordinary units for a flash sale.
    SET_ASIDE = "set_aside";
    /// Takes ordinary units for a stock change.
    TAKE = "take";
    /// Releases what an attempt of a stock change took.
    PUT_BACK = "put_back";
    /// Loads a flash sale's facts.
    SECKILL_LOAD = "seckill_load";
    /// Finds the flash sale of a product that a caller means.
    SECKILL_CURRENT = "seckill_current";
    /// Issues a token.
    SECKILL_TOKEN = "seckill_token" behind "rate";
    /// Buys in a flash sale.
    SECKILL_BUY = "seckill_buy" behind "rate";
    /// Reverts a purchase that never became an order.
    SECKILL_REFUND = "seckill_refund";
    /// Ends a flash sale.
    SECKILL_CLOSE = "seckill_close";
}

/// Hash tags that users' keys are spread over.
pub const USER_TAGS: u16 = 64;

fn user_tag(gene: Gene) -> u16 {
    gene.get() % USER_TAGS
}

/// State of a request to place an order: by its key, or by its payload where it has no key. Both are given as hashes.
pub fn admission(user: UserId, key: Option<&[u8; 16]>, payload: &[u8; 16]) -> String {
    match key {
        Some(key) => idempotency(user, &hex(key)),
        None => submit_guard(user, &hex(payload)),
    }
}

/// State of an admission whose request is running, or has died.
pub const PROCESSING: &str = "processing";
/// State of an admission whose response is stored.
pub const COMPLETED: &str = "completed";

/// State of an idempotency key, a hash: `state tick payload`, and `status body` once completed. `key_hash`: hex of the
/// hash of the caller's key.
pub fn idempotency(user: UserId, key_hash: &str) -> String {
    let (tag, user) = (user_tag(user.gene()), user.get());
    format!("{{u{tag}}}:order:create:{user}:{key_hash}")
}

/// The same state of a request without a key. `submit_hash`: hex of the hash of its payload.
pub fn submit_guard(user: UserId, submit_hash: &str) -> String {
    let (tag, user) = (user_tag(user.gene()), user.get());
    format!("{{u{tag}}}:order:submit:{user}:{submit_hash}")
}

/// Last tick minted for a gene.
pub fn id_counter(gene: Gene) -> String {
    let (tag, gene) = (user_tag(gene), gene.get());
    format!("{{u{tag}}}:id:{gene}")
}

/// Counter of the orders that a user has asked for in the current minute.
pub fn rate_limit(user: UserId) -> String {
    let (tag, user) = (user_tag(user.gene()), user.get());
    format!("{{u{tag}}}:rate_limit:{user}")
}

/// Bucket of the attempts to log in to an account: `name_hash` is the hex of the hash of its name.
pub fn login_account(name_hash: &str) -> String {
    format!("login:account:{name_hash}")
}

/// Bucket of the attempts to log in from a network, such as `192.0.2.7` or `2001:db8:1:2::`.
pub fn login_network(network: &str) -> String {
    format!("login:network:{network}")
}

/// Bucket of the changes that are asked for from a network, which is named in the same way.
pub fn requests_network(network: &str) -> String {
    format!("requests:network:{network}")
}

/// There while a nonce of this key is remembered: a signature with it was taken. `nonce_hash` is the hex of its hash.
pub fn signature_nonce(key: &str, nonce_hash: &str) -> String {
    format!("signature:nonce:{key}:{nonce_hash}")
}

/// Cached order: `<version> <user_id>\n<order as JSON>`.
pub fn order(id: OrderId) -> String {
    let tag = user_tag(id.gene());
    format!("{{u{tag}}}:order:{id}")
}

/// Cached catalogue entry, a hash: `name image price status mode updated_at`, or `absent`.
pub fn product(product: ProductId) -> String {
    let product = product.0;
    format!("{{p{product}}}:product")
}

/// Stock of a product, a hash; per sku `a:<sku>` available in the database at version `v:<sku>`, `r:<sku>` reserved
/// since.
pub fn stock(product: ProductId) -> String {
    let product = product.0;
    format!("{{p{product}}}:stock")
}

/// Reservations (intents), a hash: `<order id>:<sku>` to `<quantity>:<ms>`, with `:q` at the end where an intake entry
/// settles it and the sweep does not. Their sum per sku is `r:<sku>`. In place of the order id: `seckill-<number>` for
/// units on their way into a flash sale, `change-<hash of its key>` for those that a stock change takes away,
/// `hold-<hash of its key>` for those that another system is about to hold.
pub fn reserved(product: ProductId) -> String {
    let product = product.0;
    format!("{{p{product}}}:reserved")
}

/// Facts of a flash sale, a hash: `id product sku price limit starts_at ends_at status name image`. The sku is the
/// sale's own. Status `open`, `off` while its product is not on sale, `over`, or `lost` until the relay has restored
/// what Redis lost of it; meanwhile it also has `recall`.
pub fn seckill(id: SeckillId) -> String {
    let (product, number) = (id.product.0, id.number);
    format!("{{p{product}}}:seckill:{number}")
}

/// The preheated flash sales of a product, a hash: number to `<starts_at>:<ends_at>`.
pub fn seckills(product: ProductId) -> String {
    let product = product.0;
    format!("{{p{product}}}:seckills")
}

/// Who bought in a flash sale, a hash: user id to order id.
pub fn seckill_buyers(id: SeckillId) -> String {
    let (product, number) = (id.product.0, id.number);
    format!("{{p{product}}}:seckill:{number}:buyers")
}

/// A buyer's token, a hash: `nonce order`, and `used` with the quantity once it is used.
pub fn seckill_token(id: SeckillId, user: UserId) -> String {
    let (product, number, user) = (id.product.0, id.number, user.get());
    format!("{{p{product}}}:seckill:{number}:token:{user}")
}

/// Counter of the requests for tokens and purchases in a flash sale in the current second, all buyers together.
pub fn seckill_rate(id: SeckillId) -> String {
    let (product, number) = (id.product.0, id.number);
    format!("{{p{product}}}:seckill:{number}:rate")
}

/// Counter of a buyer's requests for tokens and purchases in the current minute.
pub fn seckill_user_rate(id: SeckillId, user: UserId) -> String {
    let (product, number, user) = (id.product.0, id.number, user.get());
    format!("{{p{product}}}:seckill:{number}:rate:{user}")
}

/// An order that was accepted and may not be in the database yet: a `queued::QueuedOrder`. A purchase has it from its
/// token on; its reservation in `reserved` shows that it was bought.
pub fn queued(id: OrderId) -> String {
    let tag = user_tag(id.gene());
    format!("{{u{tag}}}:queued:{id}")
}

/// Intake stream of the orders of a gene's tag.
pub fn order_intake(gene: Gene) -> String {
    let tag = user_tag(gene);
    format!("{{u{tag}}}:intake")
}

/// The user tag of an order intake by its name; `None` for a flash sale's.
pub fn order_intake_tag(name: &str) -> Option<u16> {
    let tag = name.strip_prefix("{u")?.strip_suffix("}:intake")?;
    tag.parse().ok().filter(|tag| *tag < USER_TAGS)
}

/// Every order intake there can be.
pub fn order_intakes() -> impl Iterator<Item = String> {
    (0..USER_TAGS).map(|tag| format!("{{u{tag}}}:intake"))
}

/// Intake stream of a product's flash sales.
pub fn seckill_intake(product: ProductId) -> String {
    let product = product.0;
    format!("{{p{product}}}:intake")
}

/// Registry of products with a flash-sale intake, by which readers find their streams: a sorted set, scored by the end
/// of their last sale in ms.
pub const SECKILL_PRODUCTS: &str = "seckill:products";
/// Channel on which an intake's name is published when it gets its first entry. Only a hint.
pub const INTAKE_CHANNEL: &str = "intake";
/// Channel on which a failure's id is published when it is to be retried by hand. Only a hint.
pub const FAILURES_CHANNEL: &str = "failures";
/// Consumer group of the batch writer on every intake.
pub const INTAKE_GROUP: &str = "order-writer";

#[cfg(test)]
mod tests;
