//! Ids of orders (63 bits, with two other spellings), users, products and events.
//! Order id = 41 bits of milliseconds since 2024-01-01 | 10 bits gene | 12 bits sequence.

use crate::hex::hex;
use crate::{Ms, Rejection, calendar};
use std::fmt;

/// 2024-01-01T00:00:00Z, the earliest time an order id can encode.
pub const EPOCH_MS: Ms = 1_704_067_200_000;
const SEQUENCE_BITS: u32 = 12;
const GENE_BITS: u32 = 10;
const TICK_MAX: u64 = (1 << 53) - 1;
/// Set in the ids of users whose name is no number.
pub const HASHED_USER_BIT: u64 = 1 << 62;

/// A buyer. Numeric ids are below 2^62; any other name is hashed to an id with [`HASHED_USER_BIT`] set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(u64);

impl UserId {
    /// Takes any number: `contract::api::identity::user` checks what callers send.
    pub const fn new(id: u64) -> UserId {
        UserId(id)
    }

    /// As the `user_id` columns store it.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Decides the shard and the Redis hash tag of the user's orders.
    pub const fn gene(self) -> Gene {
        Gene((self.0 % 1024) as u16)
    }
}

/// `user_id` mod 1024, a part of every order id: it decides the order's shard and Redis hash tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gene(u16);

impl Gene {
    /// 0 to 1023.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// Primary key of the catalogue, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProductId(pub u64);

/// A variant of a product; 0 where it has none. A flash sale's units have a sku of their own: bit 62, the activity's
/// number in 30 bits, the sku they were taken from in 32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SkuId(pub u64);

/// Set in the skus of flash sales, and in no sku that a caller may name.
pub const SALE_SKU_BIT: u64 = 1 << 62;

impl SkuId {
    /// The sku of the units that activity `number` takes from this one. Both must be within their limits.
    pub const fn of_sale(self, number: u32) -> SkuId {
        SkuId(SALE_SKU_BIT | (number as u64) << 32 | self.base().0)
    }

    /// The activity's number; `None` for an ordinary sku.
    pub const fn sale(self) -> Option<u32> {
        if self.0 & SALE_SKU_BIT == 0 {
            None
        } else {
            Some((self.0 >> 32) as u32 & crate::limits::SECKILL_NUMBER_MAX)
        }
    }

    /// The ordinary sku, as the catalogue has it.
    pub const fn base(self) -> SkuId {
        if self.0 & SALE_SKU_BIT == 0 {
            self
        } else {
            SkuId(self.0 & crate::limits::SECKILL_SKU_MAX)
        }
    }
}

/// Snowflake of an order: 1 to 2^63 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(u64);

impl OrderId {
    /// From a minted tick (`milliseconds since 2024 * 4096 + sequence`) and the buyer's gene.
    /// `None` where the tick does not fit 53 bits.
    pub const fn compose(tick: u64, gene: Gene) -> Option<OrderId> {
        if tick == 0 || tick > TICK_MAX {
            return None;
        }
        let ms = tick >> SEQUENCE_BITS;
        let sequence = tick & ((1 << SEQUENCE_BITS) - 1);
        Some(OrderId(
            (ms << (GENE_BITS + SEQUENCE_BITS)) | ((gene.0 as u64) << SEQUENCE_BITS) | sequence,
        ))
    }

    /// `None` for zero and for more than 63 bits.
    pub const fn new(id: u64) -> Option<OrderId> {
        if id == 0 || id >> 63 != 0 {
            None
        } else {
            Some(OrderId(id))
        }
    }

    /// As the database stores it; JSON has it as decimal text.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// That of the buyer.
    pub const fn gene(self) -> Gene {
        Gene(((self.0 >> SEQUENCE_BITS) & 1023) as u16)
    }

    /// When it was minted, by Redis' clock. Runs ahead where one gene mints over 4096 ids in a millisecond.
    pub const fn minted_at(self) -> Ms {
        (self.0 >> (GENE_BITS + SEQUENCE_BITS)) + EPOCH_MS
    }

    /// The tick that [`compose`](Self::compose) was given.
    pub const fn tick(self) -> u64 {
        ((self.0 >> (GENE_BITS + SEQUENCE_BITS)) << SEQUENCE_BITS)
            | (self.0 & ((1 << SEQUENCE_BITS) - 1))
    }

    /// UTC date of minting, then the id in 13 digits of base 36: `2026112102wmswva3dt6o`.
    pub fn order_no(self) -> String {
        let (year, month, day) = calendar::civil(self.minted_at());
        let mut digits = [b'0'; 13];
        let mut rest = self.0;
        for digit in digits.iter_mut().rev() {
            *digit = b"0123456789abcdefghijklmnopqrstuvwxyz"[(rest % 36) as usize];
            rest /= 36;
        }
        let mut text = (year * 10_000 + month * 100 + day).to_string();
        text.extend(digits.iter().map(|digit| char::from(*digit)));
        text
    }

    /// UUID version 8 that encodes the id, so that reading it needs no look-up.
    pub fn uuid(self) -> String {
        EventId {
            order: self,
            version: 0,
        }
        .to_string()
    }

    /// The order that a caller names, in any of the forms of [`parse`](Self::parse).
    ///
    /// # Errors
    /// [`Rejection::UnknownOrder`] where the text is no id.
    pub fn named(text: &str) -> Result<OrderId, Rejection> {
        Self::parse(text).ok_or_else(|| Rejection::UnknownOrder(text.to_owned()))
    }

    /// Reads a Snowflake in decimal, an order number or a UUID; `None` for any other text.
    pub fn parse(text: &str) -> Option<OrderId> {
        match text.len() {
            36 => EventId::parse(text)
                .filter(|event| event.version == 0)
                .map(|event| event.order),
            21 => {
                let suffix = text.get(8..)?;
                if !suffix.bytes().all(|b| b.is_ascii_alphanumeric()) {
                    return None;
                }
                let id = OrderId::new(u64::from_str_radix(suffix, 36).ok()?)?;
                id.order_no().eq_ignore_ascii_case(text).then_some(id)
            }
            1..=19 if text.bytes().all(|b| b.is_ascii_digit()) => OrderId::new(text.parse().ok()?),
            _ => None,
        }
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names one version of one order: the outbox's message id. A UUID version 8 made of both, so that the same change can
/// never be written as two messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventId {
    /// The order that changed.
    pub order: OrderId,
    /// [`Order::version`](crate::Order::version), below 2^20; 0 stands for the order itself.
    pub version: u32,
}

impl EventId {
    const VERSION_BITS: u32 = 20;
    const CHECK_BITS: u32 = 39;

    /// Checksum that makes a mistyped UUID detectable; not a secret.
    fn check(order: OrderId, version: u32) -> u64 {
        let mut x = order.0 ^ (u64::from(version) << 40) ^ 0x9e37_79b9_7f4a_7c15;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) >> (64 - Self::CHECK_BITS)
    }

    /// Reads the UUID, in either case; `None` where its checksum is wrong, and for any other text.
    pub fn parse(text: &str) -> Option<EventId> {
        if text.len() != 36 || !text.is_ascii() {
            return None;
        }
        let mut hex = [0u8; 32];
        let mut filled = 0;
        for (at, byte) in text.bytes().enumerate() {
            if matches!(at, 8 | 13 | 18 | 23) {
                if byte != b'-' {
                    return None;
                }
            } else {
                hex[filled] = byte.is_ascii_hexdigit().then_some(byte)?;
                filled += 1;
            }
        }
        let bits = u128::from_str_radix(std::str::from_utf8(&hex).ok()?, 16).ok()?;
        let high = ((bits >> 80) as u64) << 15;
        let middle = ((bits >> 64) as u64 & 0xfff) << 3;
        let custom = bits as u64 & ((1 << 62) - 1);
        let order = OrderId::new(high | middle | (custom >> 59))?;
        let version = (custom >> Self::CHECK_BITS) as u32 & ((1 << Self::VERSION_BITS) - 1);
        let event = EventId { order, version };
        event
            .to_string()
            .eq_ignore_ascii_case(text)
            .then_some(event)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.order.0;
        let version = u64::from(self.version) & ((1 << Self::VERSION_BITS) - 1);
        let custom = ((id & 7) << 59)
            | (version << Self::CHECK_BITS)
            | Self::check(self.order, self.version);
        let high =
            (u128::from(id >> 15) << 80) | (8u128 << 76) | (u128::from((id >> 3) & 0xfff) << 64);
        let bits = high | (0b10u128 << 62) | u128::from(custom);
        let digits = hex(&bits.to_be_bytes());
        f.write_str(&digits[..8])?;
        for part in [8..12, 12..16, 16..20, 20..32] {
            f.write_str("-")?;
            f.write_str(&digits[part])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
