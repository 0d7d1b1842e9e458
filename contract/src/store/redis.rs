//! Redis: the names of keys and the scripts that own them.
//! All keys of one script share a hash tag, `{u<gene mod 64>}` for what belongs to a user and
//! `{p<product>}` for stock, so that everything runs on Redis Cluster.

use domain::hex::hex;
use domain::{Gene, OrderId, ProductId, SeckillId, UserId};

/// Channel on which a shard's index is published when it has new outbox rows. Only a hint.
pub const OUTBOX_CHANNEL: &str = "outbox";

/// A Lua script: sent by its SHA-1 first, whole where the server does not know it yet.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    pub name: &'static str,
    pub text: &'static str,
}

macro_rules! scripts {
    ($($(#[$doc:meta])* $constant:ident = $file:literal $(behind $before:literal)?;)*) => {
        $($(#[$doc])* pub const $constant: Script = Script {
            name: $file,
            text: concat!($(include_str!(concat!("redis/", $before, ".lua")),)? include_str!(concat!("redis/", $file, ".lua"))),
        };)*
        /// Every script, for tests that run them all.
        pub const SCRIPTS: &[Script] = &[$($constant),*];
    };
}

scripts! {
    /// Admits a request under its idempotency key and mints the order id.
    ADMIT = "admit";
    /// Ends an admitted request.
    COMPLETE = "complete";
    /// Frees the key of a request without effect, or of an order given up.
    FREE = "free";
    /// Promises units of a product to an order.
    RESERVE = "reserve";
    /// Takes a promise back.
    RELEASE = "release";
    /// Takes over the database's stock and settles intents.
    SYNC = "sync";
    /// Caches an order by version.
    CACHE_ORDER = "cache_order";
    /// Caches a catalogue entry.
    CACHE_PRODUCT = "cache_product";
    /// Tells a catalogue entry and its stock.
    PRODUCT = "product";
    /// Mints an order id.
    MINT = "mint";
    /// Accepts an order to be written later.
    ENQUEUE = "enqueue";
    /// Removes intake entries that are done with.
    SETTLE_INTAKE = "settle_intake";
    /// Promises ordinary units to a flash sale.
    SET_ASIDE = "set_aside";
    /// Loads a flash sale's facts.
    SECKILL_LOAD = "seckill_load";
    /// Tells which flash sale of a product is meant.
    SECKILL_CURRENT = "seckill_current";
    /// Hands out a token.
    SECKILL_TOKEN = "seckill_token" behind "rate";
    /// Buys in a flash sale.
    SECKILL_BUY = "seckill_buy" behind "rate";
    /// Takes back a purchase that never became an order.
    SECKILL_REFUND = "seckill_refund";
    /// Ends a flash sale.
    SECKILL_CLOSE = "seckill_close";
}

/// Tags that users' keys are spread over.
pub const USER_TAGS: u16 = 64;

fn user_tag(gene: Gene) -> u16 {
    gene.get() % USER_TAGS
}

/// State of a request to place an order: under its key, or where it has none under its payload. Both are hashes.
pub fn admission(user: UserId, key: Option<&[u8; 16]>, payload: &[u8; 16]) -> String {
    match key {
        Some(key) => idempotency(user, &hex(key)),
        None => submit_guard(user, &hex(payload)),
    }
}

/// States that the scripts give an admission, as [`FREE`] asks for them.
pub const PROCESSING: &str = "processing";
pub const COMPLETED: &str = "completed";

/// State of an idempotency key. `key_hash`: hex of the caller's key.
pub fn idempotency(user: UserId, key_hash: &str) -> String {
    format!(
        "{{u{}}}:order:create:{}:{key_hash}",
        user_tag(user.gene()),
        user.get()
    )
}

/// Guard of a request without a key. `submit_hash`: hex of its payload.
pub fn submit_guard(user: UserId, submit_hash: &str) -> String {
    format!(
        "{{u{}}}:order:submit:{}:{submit_hash}",
        user_tag(user.gene()),
        user.get()
    )
}

/// Last tick minted for a gene.
pub fn id_counter(gene: Gene) -> String {
    format!("{{u{}}}:id:{}", user_tag(gene), gene.get())
}

/// Orders a user has placed in the present window.
pub fn rate_limit(user: UserId) -> String {
    format!("{{u{}}}:rate_limit:{}", user_tag(user.gene()), user.get())
}

/// Cached order: `<version> <user_id>\n<order as JSON>`.
pub fn order(id: OrderId) -> String {
    format!("{{u{}}}:order:{id}", user_tag(id.gene()))
}

/// Cached catalogue entry, a hash: `name image price status mode updated_at`, or `absent`.
pub fn product(product: ProductId) -> String {
    format!("{{p{}}}:product", product.0)
}

/// Stock of a product, a hash; per sku `a:<sku>` available in the database at version `v:<sku>`, `r:<sku>` reserved
/// since.
pub fn stock(product: ProductId) -> String {
    format!("{{p{}}}:stock", product.0)
}

/// Intents, a hash: `<order id>:<sku>` to `<quantity>:<ms>`, with `:q` behind it where an intake entry looks after it.
/// Their sum per sku is `r:<sku>`. `seckill-<number>` in place of the order id: units on their way into a flash sale.
pub fn reserved(product: ProductId) -> String {
    format!("{{p{}}}:reserved", product.0)
}

/// Facts of a flash sale, a hash: `id product sku price limit starts_at ends_at status name image`, the sku being the
/// sale's own, status `open`, `off` while its product is not on sale, `over`, or `lost` until what Redis forgot of it
/// is back.
pub fn seckill(id: SeckillId) -> String {
    format!("{{p{}}}:seckill:{}", id.product.0, id.number)
}

/// The preheated activities of a product, a hash: number to `<starts_at>:<ends_at>`.
pub fn seckills(product: ProductId) -> String {
    format!("{{p{}}}:seckills", product.0)
}

/// Who bought in a flash sale, a hash: user id to order id.
pub fn seckill_buyers(id: SeckillId) -> String {
    format!("{{p{}}}:seckill:{}:buyers", id.product.0, id.number)
}

/// A buyer's token, a hash: `nonce order`, and `used` with the quantity once it bought.
pub fn seckill_token(id: SeckillId, user: UserId) -> String {
    format!(
        "{{p{}}}:seckill:{}:token:{}",
        id.product.0,
        id.number,
        user.get()
    )
}

/// Requests for tokens and purchases in a flash sale in the present second, all buyers together.
pub fn seckill_rate(id: SeckillId) -> String {
    format!("{{p{}}}:seckill:{}:rate", id.product.0, id.number)
}

/// A buyer's requests for tokens and purchases in the present minute.
pub fn seckill_user_rate(id: SeckillId, user: UserId) -> String {
    format!("{}:{}", seckill_rate(id), user.get())
}

/// An order that was accepted and may not be in the database yet: a `queued::QueuedOrder`. A purchase's is there from
/// its token on, and its promise in `reserved` tells whether it was made.
pub fn queued(id: OrderId) -> String {
    format!("{{u{}}}:queued:{id}", user_tag(id.gene()))
}

/// Intake stream of the orders of a gene's tag.
pub fn order_intake(gene: Gene) -> String {
    format!("{{u{}}}:intake", user_tag(gene))
}

/// The user tag of an order intake by its name; none for a flash sale's.
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
    format!("{{p{}}}:intake", product.0)
}

/// Products with a flash-sale intake, a sorted set by when the last of their sales ends, in ms: the registry that
/// readers know their streams by.
pub const SECKILL_PRODUCTS: &str = "seckill:products";
/// Channel on which an intake's name is published when it gets its first entry. Only a hint.
pub const INTAKE_CHANNEL: &str = "intake";
/// Channel on which a failure's id is published when it is to be retried by hand. Only a hint.
pub const FAILURES_CHANNEL: &str = "failures";
/// Consumer group of the batch writer on every intake.
pub const INTAKE_GROUP: &str = "order-writer";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_intake_says_its_tag() {
        let tags: Vec<u16> = order_intakes()
            .filter_map(|name| order_intake_tag(&name))
            .collect();
        assert_eq!(tags, (0..USER_TAGS).collect::<Vec<_>>());
        assert_eq!(order_intake_tag(&seckill_intake(ProductId(7))), None);
        assert_eq!(order_intake_tag("{u64}:intake"), None);
    }

    #[test]
    fn keys_of_one_script_share_their_tag() {
        let user = UserId::new(1000);
        let order_id = OrderId::compose(4096, user.gene()).unwrap();
        for key in [
            admission(user, Some(&[7; 16]), &[8; 16]),
            admission(user, None, &[8; 16]),
            idempotency(user, "ab"),
            submit_guard(user, "ab"),
            id_counter(user.gene()),
            rate_limit(user),
            order(order_id),
            queued(order_id),
            order_intake(user.gene()),
        ] {
            assert!(key.starts_with("{u40}:"), "{key}");
        }
        assert!(order_intakes().any(|key| key == order_intake(user.gene())));
        let sale = SeckillId::parse("9-3").unwrap();
        for key in [
            seckill(sale),
            seckills(ProductId(9)),
            seckill_buyers(sale),
            seckill_token(sale, user),
            seckill_rate(sale),
            seckill_user_rate(sale, user),
            seckill_intake(ProductId(9)),
            product(ProductId(9)),
            stock(ProductId(9)),
            reserved(ProductId(9)),
        ] {
            assert!(key.starts_with("{p9}:"), "{key}");
        }
    }

    #[test]
    fn every_script_says_what_it_is() {
        for script in SCRIPTS {
            assert!(
                script.text.starts_with("-- ") && script.text.contains("KEYS:"),
                "{}",
                script.name
            );
        }
    }
}
