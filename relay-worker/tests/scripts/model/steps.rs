//! The steps of a history.

use proptest::prelude::*;

#[derive(Clone, Debug)]
pub enum Step {
    Reserve(u32),
    /// Writes the order with this number, modulo the number of orders.
    Write(usize),
    /// Its request fails and releases its units.
    Fail(usize),
    Die(usize),
    Pay(usize),
    Cancel(usize),
    /// Its next message arrives, once or twice; Redis is updated, or the relay dies first.
    Deliver {
        order: usize,
        twice: bool,
        synced: bool,
    },
    Sweep,
    /// Redis loses everything.
    Flush,
    /// Copies the database's present state; `GoBack` returns to the last copy.
    Copy,
    GoBack,
    /// Units of a sale are reserved; the database moves them, or the preheat dies.
    SetAside {
        units: u32,
        moved: bool,
    },
    /// Units are added in the database, and Redis is updated, or the request dies first.
    Restock {
        units: u32,
        synced: bool,
    },
    /// Units are taken in Redis, then in the database.
    Correct {
        units: u32,
        /// Under the key of the last one, unless that is made.
        again: bool,
        end: Corrected,
    },
    /// Another system holds units: taken in Redis, then locked in the database.
    Hold {
        units: u32,
        /// Under the last key, unless that is used.
        again: bool,
        end: Corrected,
    },
    /// The units of an open hold are sold, or given back; Redis is updated, or the request dies first.
    Settle {
        hold: usize,
        sold: bool,
        synced: bool,
    },
}

/// How the request of a correction or a hold ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corrected {
    /// It dies before the database takes the units.
    Dies,
    /// The database refuses, and the units are put back.
    Refused,
    /// It dies before Redis is updated.
    Untold,
    Done,
}

fn corrected() -> impl Strategy<Value = Corrected> {
    prop_oneof![
        Just(Corrected::Dies),
        Just(Corrected::Refused),
        Just(Corrected::Untold),
        Just(Corrected::Done),
    ]
}

pub fn any_step() -> impl Strategy<Value = Step> {
    let order = 0_usize..8;
    prop_oneof![
        5 => (1_u32..5).prop_map(Step::Reserve),
        4 => order.clone().prop_map(Step::Write),
        1 => order.clone().prop_map(Step::Fail),
        1 => order.clone().prop_map(Step::Die),
        2 => order.clone().prop_map(Step::Pay),
        2 => order.clone().prop_map(Step::Cancel),
        6 => (order, any::<bool>(), any::<bool>()).prop_map(|(order, twice, synced)| Step::Deliver { order, twice, synced }),
        2 => Just(Step::Sweep),
        1 => Just(Step::Flush),
        1 => Just(Step::Copy),
        1 => Just(Step::GoBack),
        1 => (1_u32..6, any::<bool>()).prop_map(|(units, moved)| Step::SetAside { units, moved }),
        1 => (1_u32..6, any::<bool>()).prop_map(|(units, synced)| Step::Restock { units, synced }),
        3 => (1_u32..6, any::<bool>(), corrected()).prop_map(|(units, again, end)| Step::Correct { units, again, end }),
        3 => (1_u32..6, any::<bool>(), corrected()).prop_map(|(units, again, end)| Step::Hold { units, again, end }),
        2 => (0_usize..8, any::<bool>(), any::<bool>()).prop_map(|(hold, sold, synced)| Step::Settle { hold, sold, synced }),
    ]
}
