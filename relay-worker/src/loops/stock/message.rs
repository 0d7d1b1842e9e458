//! Messages of the stock topic, parsed strictly: anything else goes to the dead letters.

use contract::wire::message::StockMessage;
use domain::stock::StockEffect;
use domain::{EventId, OrderId, ProductId, SkuId, StockMode};
use std::collections::HashSet;

/// One order's move of stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockMove {
    /// UUID of the order's id and version; a message is applied once.
    pub message_id: String,
    /// Whose units move.
    pub order: OrderId,
    /// The message's `action`.
    pub effect: StockEffect,
    /// At least one; each product and sku once.
    pub lines: Vec<Line>,
}

impl StockMove {
    /// A move without a message, for the relay's own repairs.
    pub fn unsent(order: OrderId, effect: StockEffect, lines: Vec<Line>) -> StockMove {
        StockMove {
            // Version 0 is no version of an order.
            message_id: EventId { order, version: 0 }.to_string(),
            order,
            effect,
            lines,
        }
    }
}

/// Units of one variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The product's id in the catalogue.
    pub product: ProductId,
    /// Variant of the product; a flash sale's own sku for its units.
    pub sku: SkuId,
    /// Units, at least 1.
    pub quantity: u32,
    /// Where the units were reserved first.
    pub mode: StockMode,
}

/// Parses a record's value.
///
/// # Errors
/// Which field is wrong, and how.
pub fn parse(value: &[u8]) -> Result<StockMove, String> {
    let message: StockMessage = serde_json::from_slice(value).map_err(|error| error.to_string())?;
    let order = OrderId::parse(&message.order_id)
        .ok_or_else(|| format!("order_id is no order's: {:?}", message.order_id))?;
    match EventId::parse(&message.message_id) {
        Some(event) if event.order == order => {}
        _ => {
            return Err(format!(
                "message_id is not the order's: {:?}",
                message.message_id
            ));
        }
    }
    let mut variants = HashSet::new();
    let mut lines = Vec::with_capacity(message.items.len());
    for (at, item) in message.items.iter().enumerate() {
        let number = |field: &str, text: &str| -> Result<u64, String> {
            text.parse()
                .map_err(|_| format!("items[{at}].{field} is no number: {text:?}"))
        };
        let line = Line {
            product: ProductId(number("product_id", &item.product_id)?),
            sku: SkuId(number("sku_id", &item.sku_id)?),
            quantity: item.quantity,
            mode: StockMode::from_name(&item.stock_mode).ok_or_else(|| {
                format!("items[{at}].stock_mode is unknown: {:?}", item.stock_mode)
            })?,
        };
        if line.quantity == 0 {
            return Err(format!("items[{at}].quantity is zero"));
        }
        if !variants.insert((line.product, line.sku)) {
            return Err(format!("items[{at}] repeats a product and sku"));
        }
        lines.push(line);
    }
    if lines.is_empty() {
        return Err("items is empty".to_owned());
    }
    Ok(StockMove {
        message_id: message.message_id,
        order,
        effect: message.action.into(),
        lines,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use crate::loops::outbox::record::envelope;

    #[test]
    fn what_the_outbox_sends_is_understood() {
        let row = fixtures::created_row(7, 3);
        let sent = &envelope(&row, "").unwrap().records[0];
        let read = parse(&sent.value).unwrap();
        assert_eq!(read.message_id, row.message_id);
        assert_eq!(read.effect, StockEffect::Reserve);
        assert_eq!(read.lines.len(), 1);
        assert_eq!(read.lines[0].quantity, 3);
    }

    #[test]
    fn anything_else_is_refused_by_name() {
        let row = fixtures::created_row(7, 3);
        let good = String::from_utf8(envelope(&row, "").unwrap().records[0].value.clone()).unwrap();
        for (bad, why) in [
            ("".to_owned(), "EOF"),
            (good.replace(&row.tx_id, "0"), "order_id"),
            (good.replace(&row.message_id, "x"), "message_id"),
            (
                good.replace(&row.message_id, &fixtures::created_row(8, 3).message_id),
                "message_id",
            ),
            (good.replace("\"quantity\":3", "\"quantity\":0"), "quantity"),
            (
                good.replace("\"stock_mode\":\"redis\"", "\"stock_mode\":\"memory\""),
                "stock_mode",
            ),
            (
                good.replace("\"sku_id\":\"0\"", "\"sku_id\":\"-1\""),
                "sku_id",
            ),
        ] {
            let error = parse(bad.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{why} in {error}");
        }
    }
}
