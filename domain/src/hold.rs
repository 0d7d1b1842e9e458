//! Units that other systems hold and sell: a hold reserves units before there is an order, and a line of an order then
//! sells held units, or gives them back, once. A hold does not know its order, so a line takes units of any open hold.

use crate::{Order, OrderId, ProductId, Rejection, SkuId, Status, coded};

coded! {
    /// What was done with a line of another system's order: `t_external_line.state`.
    pub enum LineState {
        /// Its units were held and are sold.
        Confirmed = 1, "confirmed";
        /// Its units were held and are available again.
        RolledBack = 2, "rolled back";
        /// Its units were sold and are available again.
        Returned = 3, "returned";
    }
}

/// A line of an order, as its confirmation or rollback names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Another system's, or ours.
    pub order: OrderId,
    /// Of the line.
    pub product: ProductId,
    /// Ordinary, never a flash sale's.
    pub sku: SkuId,
    /// From 1.
    pub quantity: u32,
}

/// A line that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// As it was confirmed or rolled back.
    pub line: Line,
    /// What was done with it last.
    pub state: LineState,
    /// It was found by the message of the present confirmation.
    pub by_message: bool,
}

/// What a confirmation or a rollback does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Nothing: an earlier request did it.
    None,
    /// Held units are sold.
    Sell,
    /// Held units become available.
    GiveBack,
    /// Sold units become available.
    Return,
}

impl Line {
    fn is_of(&self, other: &Line) -> bool {
        (self.order, self.product, self.sku) == (other.order, other.product, other.sku)
    }

    fn settled(self, state: LineState) -> Rejection {
        Rejection::LineSettled {
            order: self.order,
            product: self.product,
            sku: self.sku,
            state,
        }
    }
}

/// What the confirmation of `line` does. `found`: the rows of this line and of the same message. A message that is
/// delivered again finds its own row, whatever happened to the line since.
///
/// # Errors
/// Where the message confirmed something else, or the line is settled without this message.
pub fn confirm(line: Line, found: &[Settled]) -> Result<Move, Rejection> {
    match found.iter().find(|settled| settled.by_message) {
        Some(settled) if settled.line == line => return Ok(Move::None),
        Some(_) => return Err(Rejection::MessageUsed),
        None => {}
    }
    match found.iter().find(|settled| settled.line.is_of(&line)) {
        None => Ok(Move::Sell),
        Some(settled) => Err(line.settled(settled.state)),
    }
}

/// What the rollback of `line` does.
///
/// # Errors
/// Where the line was confirmed or rolled back with another quantity.
pub fn roll_back(line: Line, found: &[Settled]) -> Result<Move, Rejection> {
    let Some(settled) = found.iter().find(|settled| settled.line.is_of(&line)) else {
        return Ok(Move::GiveBack);
    };
    if settled.line.quantity != line.quantity {
        let reason = format!(
            "must be {}, with which the line was {}",
            settled.line.quantity, settled.state
        );
        return Err(Rejection::invalid("quantity", reason));
    }
    Ok(match settled.state {
        LineState::Confirmed => Move::Return,
        LineState::RolledBack | LineState::Returned => Move::None,
    })
}

/// A hold with open units, or units that are taken from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Of the row in `t_stock_hold`.
    pub hold: u64,
    /// From 1.
    pub units: u32,
}

/// The units that a line of `quantity` takes from these holds, in their order; `None` where they have fewer.
pub fn cover(holds: &[Open], quantity: u32) -> Option<Vec<Open>> {
    let mut left = quantity;
    let mut taken = Vec::new();
    for Open { hold, units } in holds.iter().copied() {
        if left == 0 {
            break;
        }
        let units = units.min(left);
        left -= units;
        taken.push(Open { hold, units });
    }
    (left == 0).then_some(taken)
}

/// The confirmation of a line of our own order: it is done where the order is paid.
///
/// # Errors
/// Where the order is not paid, or has no such line.
pub fn confirm_own(order: &Order, line: Line) -> Result<(), Rejection> {
    has_line(order, line)?;
    match order.status.is_revenue() {
        true => Ok(()),
        false => Err(own(line.order, "its payment confirms its units")),
    }
}

/// The rollback of a line of our own order: it is done where the order is cancelled.
///
/// # Errors
/// Where the order is not cancelled, or has no such line.
pub fn roll_back_own(order: &Order, line: Line) -> Result<(), Rejection> {
    has_line(order, line)?;
    match order.status {
        Status::Cancelled => Ok(()),
        _ => Err(own(line.order, "cancel it to give its units back")),
    }
}

fn own(order: OrderId, reason: &'static str) -> Rejection {
    Rejection::OwnOrder { order, reason }
}

/// The units of a flash sale count as those of the ordinary sku from which they were taken.
fn has_line(order: &Order, line: Line) -> Result<(), Rejection> {
    let of_line = order
        .items
        .iter()
        .filter(|item| item.product == line.product && item.sku.base() == line.sku);
    let units: u64 = of_line.map(|item| u64::from(item.quantity)).sum();
    match units == u64::from(line.quantity) {
        true => Ok(()),
        false => Err(own(
            line.order,
            "it has not this quantity of product and sku",
        )),
    }
}

#[cfg(test)]
mod tests;
