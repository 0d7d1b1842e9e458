//! Restocks, corrections and holds, as the functions make them.

use super::steps::Corrected;
use super::{PRODUCT, World};
use contract::store::call::Holder;
use contract::store::redis::{PUT_BACK, TAKE};
use domain::SkuId;
use domain::stock::StockEffect;

impl World<'_> {
    /// The database adds units, or takes them where they are available, and records that under a key.
    fn change_stock(&mut self, key: u128, units: i64) -> bool {
        let row = self.books.stock.get_mut(&(PRODUCT, SkuId(0))).unwrap();
        let Some(available) = row.available.checked_add_signed(units as i32) else {
            return false;
        };
        (row.available, row.version) = (available, row.version + 1);
        self.books.added += units;
        self.books.changed.insert(key)
    }

    pub fn restock(&mut self, units: u32, synced: bool) {
        self.keys += 1;
        self.change_stock(self.keys, units.into());
        if synced {
            self.sync(&[]);
        }
    }

    pub fn correct(&mut self, units: u32, again: bool, end: Corrected) {
        self.take(units, again, end, Holder::Change, |world, key| {
            world.change_stock(key, -i64::from(units))
        });
    }

    pub fn hold(&mut self, units: u32, again: bool, end: Corrected) {
        self.take(units, again, end, Holder::Hold, |world, key| {
            world.moves(StockEffect::Reserve, units)
                && world.books.held.insert(key, units).is_none()
        });
    }

    /// Sells the units of an open hold, or gives them back.
    pub fn settle(&mut self, hold: usize, sold: bool, synced: bool) {
        let mut open: Vec<u128> = self.books.held.keys().copied().collect();
        open.retain(|key| self.books.held[key] > 0);
        open.sort_unstable();
        let Some(key) = open.get(hold % open.len().max(1)).copied() else {
            return;
        };
        let units = self.books.held.insert(key, 0).unwrap();
        if sold {
            assert!(self.moves(StockEffect::Confirm, units));
            self.books.sold += units;
        } else {
            assert!(self.moves(StockEffect::Rollback, units));
        }
        if synced {
            self.sync(&[]);
        }
    }

    fn moves(&mut self, effect: StockEffect, units: u32) -> bool {
        let row = self.books.stock.get_mut(&(PRODUCT, SkuId(0))).unwrap();
        let moved = row.apply(effect, units);
        let is_moved = moved.is_ok();
        *row = moved.unwrap_or(*row);
        is_moved
    }

    fn is_used(&self, key: u128) -> bool {
        self.books.changed.contains(&key) || self.books.held.contains_key(&key)
    }

    /// Takes units in Redis, and then in the database as `made` does.
    fn take(
        &mut self,
        units: u32,
        again: bool,
        end: Corrected,
        holder: fn(u128) -> Holder,
        made: impl FnOnce(&mut Self, u128) -> bool,
    ) {
        if !again || self.keys == 0 || self.is_used(self.keys) {
            self.keys += 1;
        }
        let key = self.keys;
        let holder = holder(key).to_string();
        // An earlier attempt has ended: 0 ms.
        let wanted = [
            holder.clone(),
            "0".to_owned(),
            units.to_string(),
            "0".to_owned(),
        ];
        let mut words: Vec<String> = self.run(&TAKE, &wanted);
        if words[0] == "unloaded" {
            self.load();
            words = self.run(&TAKE, &wanted);
        }
        if words[0] != "ok" {
            assert_eq!(words[0], "short");
            return;
        }
        if end == Corrected::Dies {
            return;
        }
        if end == Corrected::Refused || !made(self, key) {
            let mine = [holder, "0".to_owned(), words[1].clone()];
            assert_eq!(self.run::<i64>(&PUT_BACK, &mine), 1);
        } else if end == Corrected::Done {
            self.sync(&[(holder, SkuId(0))]);
        }
    }
}
