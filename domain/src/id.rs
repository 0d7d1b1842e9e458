//! Identities: the 63-bit order id and its two other spellings, users, products, events.
//! Order id = 41 bits of milliseconds since 2024-01-01 | 10 bits gene | 12 bits sequence.

use crate::hex::hex;
use crate::{Ms, Rejection, calendar};
use std::fmt;

/// 2024-01-01T00:00:00Z, the first moment an order id can name.
pub const EPOCH_MS: Ms = 1_704_067_200_000;
const SEQUENCE_BITS: u32 = 12;
const GENE_BITS: u32 = 10;
const TICK_MAX: u64 = (1 << 53) - 1;
/// Users whose id is not a number live above this bit.
pub const HASHED_USER_BIT: u64 = 1 << 62;

/// A buyer. Numbers below 2^62 are themselves; other spellings are hashed above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(u64);

impl UserId {
    pub const fn new(id: u64) -> UserId {
        UserId(id)
    }

    pub const fn get(self) -> u64 {
        self.0
    }

    pub const fn gene(self) -> Gene {
        Gene((self.0 % 1024) as u16)
    }
}

/// user_id mod 1024: what an order id carries of its user, enough to find shard and Redis slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gene(u16);

impl Gene {
    pub const fn get(self) -> u16 {
        self.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProductId(pub u64);

/// Zero where the product has no variants. A flash sale's units have a sku of their own:
/// bit 62, the activity's number in 30 bits, the sku they were taken from in 32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SkuId(pub u64);

/// Set in the skus of flash sales, and in no sku a caller may name.
pub const SALE_SKU_BIT: u64 = 1 << 62;

impl SkuId {
    /// The sku of the units that activity `number` takes from this one. Both must be within their limits.
    pub const fn of_sale(self, number: u32) -> SkuId {
        SkuId(SALE_SKU_BIT | (number as u64) << 32 | self.base().0)
    }

    /// The activity's number, where these are a flash sale's units.
    pub const fn sale(self) -> Option<u32> {
        if self.0 & SALE_SKU_BIT == 0 {
            None
        } else {
            Some((self.0 >> 32) as u32 & crate::limits::SECKILL_NUMBER_MAX)
        }
    }

    /// The sku as the catalogue knows it.
    pub const fn base(self) -> SkuId {
        if self.0 & SALE_SKU_BIT == 0 {
            self
        } else {
            SkuId(self.0 & crate::limits::SECKILL_SKU_MAX)
        }
    }
}

/// Snowflake of an order.
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

    pub const fn get(self) -> u64 {
        self.0
    }

    pub const fn gene(self) -> Gene {
        Gene(((self.0 >> SEQUENCE_BITS) & 1023) as u16)
    }

    pub const fn minted_at(self) -> Ms {
        (self.0 >> (GENE_BITS + SEQUENCE_BITS)) + EPOCH_MS
    }

    /// The tick `compose` was given.
    pub const fn tick(self) -> u64 {
        ((self.0 >> (GENE_BITS + SEQUENCE_BITS)) << SEQUENCE_BITS)
            | (self.0 & ((1 << SEQUENCE_BITS) - 1))
    }

    /// Date of minting and the id in base 36: `20261121` + 13 characters.
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

    /// UUID version 8 that carries the id, so that no look-up is needed to come back.
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

    /// Reads a Snowflake in decimal, an order number or a UUID.
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

/// Names one version of one order: the outbox's message id. A UUID version 8 made of both,
/// so that the same change can never be written as two messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventId {
    pub order: OrderId,
    /// Below 2^20; zero stands for the order itself.
    pub version: u32,
}

impl EventId {
    const VERSION_BITS: u32 = 20;
    const CHECK_BITS: u32 = 39;

    /// Bits that make a mistyped UUID detectable; not a secret.
    fn check(order: OrderId, version: u32) -> u64 {
        let mut x = order.0 ^ (u64::from(version) << 40) ^ 0x9e37_79b9_7f4a_7c15;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) >> (64 - Self::CHECK_BITS)
    }

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
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn layout_is_fixed() {
        let id = OrderId::compose((1 << SEQUENCE_BITS) | 5, UserId::new(1025).gene()).unwrap();
        assert_eq!(id.get(), (1 << 22) | (1 << 12) | 5);
        assert_eq!(id.minted_at(), EPOCH_MS + 1);
        assert_eq!(id.order_no(), "20240101000000002hzid");
        assert_eq!(UserId::new(1025).get(), 1025);
        assert_eq!(HASHED_USER_BIT, 0x4000_0000_0000_0000);
        let gene = Gene(1023);
        assert_eq!(OrderId::compose(0, gene), None);
        assert_eq!(OrderId::compose(1 << 53, gene), None);
        let last = OrderId::compose(TICK_MAX, gene);
        assert_eq!(last, OrderId::new((1 << 63) - 1));
    }

    /// Other programs keep them.
    #[test]
    fn uuids_are_fixed() {
        for (order, version, text) in [
            (
                382_556_363_634_511_872,
                0,
                "0a9e39f8-c200-8200-8000-005d6e249772",
            ),
            (
                382_556_363_634_511_872,
                1,
                "0a9e39f8-c200-8200-8000-00e9ff2207e9",
            ),
            (
                382_556_363_634_511_872,
                0xf_ffff,
                "0a9e39f8-c200-8200-87ff-ffd0b5019ab6",
            ),
            ((1 << 63) - 1, 0, "ffffffff-ffff-8fff-b800-001ce51e41a8"),
            (
                (1 << 63) - 1,
                0xf_ffff,
                "ffffffff-ffff-8fff-bfff-ffcee70147a2",
            ),
        ] {
            let order = OrderId::new(order).unwrap();
            assert_eq!(EventId { order, version }.to_string(), text);
        }
        for odd in [
            "0a9e39f8-c200-8200-8000-005d6e249é72",
            "0a9e39f8-c200-8200-8000-005d6e24977",
            "0a9e39f8-c200-8200-8000-005d6e2497720",
        ] {
            assert_eq!(EventId::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_sale_has_a_sku_of_its_own() {
        let of_sale = SkuId(7).of_sale(3);
        assert_eq!(of_sale, SkuId(0x4000_0003_0000_0007));
        assert_eq!((of_sale.sale(), of_sale.base()), (Some(3), SkuId(7)));
        // A sale of what a sale has left.
        assert_eq!(of_sale.of_sale(4), SkuId(7).of_sale(4));
        for plain in [SkuId(7), SkuId(1 << 40)] {
            assert_eq!((plain.sale(), plain.base()), (None, plain));
        }
    }

    #[test]
    fn what_is_no_id() {
        for bad in [
            "",
            "0",
            "-1",
            "9223372036854775808",
            "12a",
            "+12",
            "20240101 ",
            "00000000-0000-8000-8000-000000000000",
            "20250101zzzzzzzzzzzzz",
            "é0240101000000000000",
        ] {
            assert_eq!(OrderId::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_spelling_comes_back(tick in 1..=TICK_MAX, user in any::<u64>(), version in 1u32..1 << 20) {
            let id = OrderId::compose(tick, UserId::new(user).gene()).unwrap();
            prop_assert_eq!(id.tick(), tick);
            prop_assert_eq!(id.gene(), UserId::new(user).gene());
            prop_assert_eq!(OrderId::parse(&id.to_string()), Some(id));
            prop_assert_eq!(OrderId::parse(&id.order_no()), Some(id));
            prop_assert_eq!(OrderId::parse(&id.uuid()), Some(id));
            prop_assert_eq!(&id.uuid()[14..15], "8");
            let event = EventId { order: id, version };
            prop_assert_eq!(EventId::parse(&event.to_string()), Some(event));
            prop_assert_eq!(OrderId::parse(&event.to_string()), None, "a message is not an order");
        }

        #[test]
        fn later_ticks_are_larger_ids(tick in 1..TICK_MAX, user in any::<u64>()) {
            let gene = UserId::new(user).gene();
            prop_assert!(OrderId::compose(tick, gene) < OrderId::compose(tick + 1, gene));
        }

        #[test]
        fn a_changed_uuid_is_refused(tick in 1..=TICK_MAX, at in 24usize..36) {
            let mut text = OrderId::compose(tick, Gene(7)).unwrap().uuid().into_bytes();
            text[at] = if text[at] == b'0' { b'1' } else { b'0' };
            prop_assert_eq!(OrderId::parse(std::str::from_utf8(&text).unwrap()), None);
        }
    }
}
