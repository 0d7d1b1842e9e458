//! Redis: the names of keys and the scripts that own them.
//! All keys of one script share a hash tag, `{u<gene mod 64>}` for what belongs to a user and
//! `{p<product>}` for stock, so that everything runs on Redis Cluster.

use domain::{Gene, OrderId, ProductId, UserId};

/// Channel on which a shard's index is published when it has new outbox rows. Only a hint.
pub const OUTBOX_CHANNEL: &str = "outbox";

/// A Lua script: sent by its SHA-1 first, whole where the server does not know it yet.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    pub name: &'static str,
    pub text: &'static str,
}

macro_rules! scripts {
    ($($(#[$doc:meta])* $constant:ident = $file:literal;)*) => {
        $($(#[$doc])* pub const $constant: Script = Script { name: $file, text: include_str!(concat!("redis/", $file, ".lua")) };)*
        /// Every script, for tests that run them all.
        pub const SCRIPTS: &[Script] = &[$($constant),*];
    };
}

scripts! {
    /// Admits a request under its idempotency key and mints the order id.
    ADMIT = "admit";
    /// Ends an admitted request.
    COMPLETE = "complete";
    /// Frees the key of a request without effect.
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
}

fn user_tag(gene: Gene) -> u16 {
    gene.get() % 64
}

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

/// Stock of a product, a hash; per sku `a:<sku>` available in the database at version `v:<sku>`, `r:<sku>` reserved since.
pub fn stock(product: ProductId) -> String {
    format!("{{p{}}}:stock", product.0)
}

/// Intents, a hash: `<order id>:<sku>` to `<quantity>:<ms>`. Their sum per sku is `r:<sku>`.
pub fn reserved(product: ProductId) -> String {
    format!("{{p{}}}:reserved", product.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_script_share_their_tag() {
        let user = UserId::new(1000);
        let order_id = OrderId::compose(4096, user.gene()).unwrap();
        for key in [
            idempotency(user, "ab"),
            submit_guard(user, "ab"),
            id_counter(user.gene()),
            rate_limit(user),
            order(order_id),
        ] {
            assert!(key.starts_with("{u40}:"), "{key}");
        }
        for key in [
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
