//! The index's mapping. Fields that are not named are stored, not searched. Lines are nested documents, so that
//! statistics count each product by its own quantity; the order has their fields too, for searches.

use serde_json::{Value, json};

/// The name that all requests use: an alias of exactly one index.
pub const ALIAS: &str = "orders";
/// The first index behind it; a rebuild creates `orders-<ms>`.
pub const FIRST_INDEX: &str = "orders-1";

/// Settings and mapping of a new index; `alias` points to it from the start.
pub fn definition(alias: Option<&str>) -> Value {
    let keyword = || json!({ "type": "keyword" });
    let words = || json!({ "type": "text", "fields": { "raw": { "type": "keyword", "ignore_above": 256 } } });
    let stored = || json!({ "type": "keyword", "index": false, "doc_values": false });
    let number = || json!({ "type": "long" });
    let time = || json!({ "type": "date", "format": "epoch_millis" });
    let mut definition = json!({
        "settings": { "refresh_interval": "500ms" },
        "mappings": { "dynamic": false, "properties": {
            "id": keyword(), "order_no": keyword(), "user_id": keyword(), "user_ref": keyword(),
            "status": keyword(), "version": { "type": "integer" },
            "total_cents": number(), "discount_cents": number(), "actual_cents": number(),
            "payment_method": keyword(), "payment_id": keyword(),
            "shipping_address": words(), "remark": words(), "cancel_reason": words(),
            "items": { "type": "nested", "include_in_parent": true, "properties": {
                "product_id": keyword(), "sku_id": keyword(), "product_name": words(),
                "product_image": stored(), "price_cents": number(), "quantity": { "type": "integer" },
                "subtotal_cents": number(), "stock_mode": keyword(),
            } },
            "created_at": time(), "updated_at": time(), "paid_at": time(), "shipped_at": time(),
            "completed_at": time(), "cancelled_at": time(),
        } },
    });
    if let Some(alias) = alias {
        definition["aliases"] = json!({ alias: {} });
    }
    definition
}
