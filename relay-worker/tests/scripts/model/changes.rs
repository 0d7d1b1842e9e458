//! Restocks and corrections, as the function makes them.

use super::steps::Corrected;
use super::{PRODUCT, World};
use contract::store::call::Holder;
use contract::store::redis::{PUT_BACK, TAKE};
use domain::SkuId;

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

    pub fn restock(&mut self, units: u32, told: bool) {
        self.keys += 1;
        self.change_stock(self.keys, units.into());
        if told {
            self.sync(&[]);
        }
    }

    pub fn correct(&mut self, units: u32, again: bool, end: Corrected) {
        if !again || self.keys == 0 || self.books.changed.contains(&self.keys) {
            self.keys += 1;
        }
        let holder = Holder::Change(self.keys).to_string();
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
        let made = end != Corrected::Refused && self.change_stock(self.keys, -i64::from(units));
        if !made {
            let mine = [holder, "0".to_owned(), words[1].clone()];
            assert_eq!(self.run::<i64>(&PUT_BACK, &mine), 1);
        } else if end == Corrected::Done {
            self.sync(&[(holder, SkuId(0))]);
        }
    }
}
