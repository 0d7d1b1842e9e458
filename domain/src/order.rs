//! An order, its amounts, its states and the transitions between them.

use crate::coded;
use crate::limits::ITEMS_MAX;
use crate::stock::StockEffect;
use crate::{
    Cents, EventId, Ms, OrderId, ProductId, Rejection, SeckillId, SkuId, StockMode, UserId,
};

coded! {
    /// State of an order.
    pub enum Status {
        /// Placed and not paid; its units are locked.
        Pending = 0, "pending";
        /// Its units are sold.
        Paid = 1, "paid";
        /// On its way to the buyer.
        Shipped = 2, "shipped";
        /// Received by the buyer; final.
        Completed = 3, "completed";
        /// By buyer, back office or platform; its units are available again. Final.
        Cancelled = 4, "cancelled";
        /// Accepted, but given up before it was written: only `order_failures` has it.
        Failed = 5, "failed";
    }
}

impl Status {
    /// Paid and not cancelled.
    pub const fn is_revenue(self) -> bool {
        matches!(self, Status::Paid | Status::Shipped | Status::Completed)
    }

    /// Neither cancelled nor failed: its units count as ordered.
    pub const fn is_standing(self) -> bool {
        !matches!(self, Status::Cancelled | Status::Failed)
    }

    /// Reads our names in any case, the aliases of the five systems, the stored number and the Chinese names.
    pub fn parse(text: &str) -> Option<Status> {
        Some(match text.to_ascii_lowercase().as_str() {
            "pending" | "0" | "待支付" | "待付款" => Status::Pending,
            "paid" | "1" | "已支付" | "已付款" => Status::Paid,
            "shipped" | "2" | "已发货" => Status::Shipped,
            "completed" | "delivered" | "3" | "已完成" | "已送达" => Status::Completed,
            "cancelled" | "canceled" | "4" | "已取消" => Status::Cancelled,
            "failed" | "5" | "失败" | "已失败" => Status::Failed,
            _ => return None,
        })
    }
}

/// Who asks for a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The buyer, or a payment provider: pays, cancels what is pending, completes what is shipped.
    User,
    /// Admin or operations: may also ship, skip states, and cancel what is paid or shipped.
    Admin,
    /// The platform itself: unpaid orders that expire, stock that the database refuses.
    System,
}

/// One legal transition, and what it does to the stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// State before: the update is a compare-and-set on it.
    pub from: Status,
    /// State after.
    pub to: Status,
    /// `None` where no units move.
    pub stock: Option<StockEffect>,
}

/// The steps from one state to another for this actor; more than one where an admin skips states (pending to completed
/// runs paid, shipped and completed). Never empty.
///
/// # Errors
/// Where the actor may not do this, or the order is in that state already.
pub fn steps(
    order: OrderId,
    from: Status,
    to: Status,
    actor: Actor,
) -> Result<Vec<Step>, Rejection> {
    use Status::*;
    let step = |from, to, stock| Step { from, to, stock };
    let pay = step(Pending, Paid, Some(StockEffect::Confirm));
    let ship = step(Paid, Shipped, None);
    let complete = step(Shipped, Completed, None);
    let admin = actor == Actor::Admin;
    Ok(match (from, to) {
        (Pending, Paid) => vec![pay],
        (Paid, Shipped) if admin => vec![ship],
        (Shipped, Completed) => vec![complete],
        (Pending, Shipped) if admin => vec![pay, ship],
        (Pending, Completed) if admin => vec![pay, ship, complete],
        (Paid, Completed) if admin => vec![ship, complete],
        (Pending, Cancelled) => vec![step(Pending, Cancelled, Some(StockEffect::Rollback))],
        (Paid | Shipped, Cancelled) if admin => {
            vec![step(from, Cancelled, Some(StockEffect::Return))]
        }
        (Failed, Pending) if actor == Actor::System => {
            vec![step(Failed, Pending, Some(StockEffect::Reserve))]
        }
        (Cancelled, Cancelled) => return Err(Rejection::AlreadyCancelled(order)),
        (Paid, Paid) | (Paid, Cancelled) => return Err(Rejection::AlreadyPaid(order)),
        _ => return Err(Rejection::IllegalTransition { from, to }),
    })
}

/// The buyer, and how the caller spelled them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The number, that of `user_<number>`, or a hash of any other name.
    pub id: UserId,
    /// The caller's spelling (column `user_ref`); `None` where it was the plain number.
    pub reference: Option<String>,
}

impl User {
    /// As replies show it: in the caller's spelling.
    pub fn shown(&self) -> String {
        self.reference
            .clone()
            .unwrap_or_else(|| self.id.get().to_string())
    }
}

/// One line of an order: a row of `t_order_item`. Name, image and price are those at the time of the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderItem {
    /// From the catalogue.
    pub product: ProductId,
    /// 0 where the product has no variants; in a flash sale the sale's own sku.
    pub sku: SkuId,
    /// At most [`PRODUCT_NAME_CHARS_MAX`](crate::limits::PRODUCT_NAME_CHARS_MAX) characters.
    pub name: String,
    /// URL or path; `None` where the product has none.
    pub image: Option<String>,
    /// Of one unit.
    pub price: Cents,
    /// Units, from 1.
    pub quantity: u32,
    /// Price times quantity.
    pub subtotal: Cents,
    /// Where its units are reserved first.
    pub stock_mode: StockMode,
    /// The flash sale of another system in which it was bought, in that system's words.
    pub foreign_sale: Option<String>,
}

impl OrderItem {
    /// The flash sale it was bought in: ours by its sku, or another system's; `None` for an ordinary order.
    pub fn seckill_id(&self) -> Option<String> {
        let own = SeckillId::of(self.product, self.sku).map(|id| id.to_string());
        own.or_else(|| self.foreign_sale.clone())
    }
}

/// An order with its lines: a row of `t_order` and those of `t_order_item`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Names its shard and when it was placed.
    pub id: OrderId,
    /// The buyer.
    pub user: User,
    /// Changes only as [`steps`] allows.
    pub status: Status,
    /// 1 when created, one more with each change; the search index and caches keep the highest.
    pub version: u32,
    /// Sum of the subtotals.
    pub total: Cents,
    /// Less than or equal to the total; orders placed here have none.
    pub discount: Cents,
    /// What is to be paid: the total less the discount.
    pub actual: Cents,
    /// As the caller names it; `None` where it does not.
    pub payment_method: Option<String>,
    /// JSON or plain text, as the caller gave it.
    pub shipping_address: Option<String>,
    /// The buyer's note.
    pub remark: Option<String>,
    /// The provider's id; `None` while unpaid, and where the payment has none.
    pub payment_id: Option<String>,
    /// `None` unless cancelled with a reason.
    pub cancel_reason: Option<String>,
    /// In the order in which the caller named them.
    pub items: Vec<OrderItem>,
    /// When it was placed.
    pub created_at: Ms,
    /// When it got its current version.
    pub updated_at: Ms,
    /// `None` if never paid.
    pub paid_at: Option<Ms>,
    /// `None` if never shipped.
    pub shipped_at: Option<Ms>,
    /// `None` unless completed.
    pub completed_at: Option<Ms>,
    /// `None` unless cancelled.
    pub cancelled_at: Option<Ms>,
}

impl Order {
    /// A new order, without the fields that are optional.
    pub fn pending(
        id: OrderId,
        user: User,
        items: Vec<OrderItem>,
        amounts: Amounts,
        created_at: Ms,
    ) -> Order {
        Order {
            id,
            user,
            status: Status::Pending,
            version: 1,
            total: amounts.total,
            discount: amounts.discount,
            actual: amounts.actual,
            payment_method: None,
            shipping_address: None,
            remark: None,
            payment_id: None,
            cancel_reason: None,
            items,
            created_at,
            updated_at: created_at,
            paid_at: None,
            shipped_at: None,
            completed_at: None,
            cancelled_at: None,
        }
    }

    /// Message id of the order's current version.
    pub fn event_id(&self) -> EventId {
        EventId {
            order: self.id,
            version: self.version,
        }
    }

    /// The order after one step. `reason` is kept for a cancellation, `payment_id` for a payment.
    pub fn after(
        mut self,
        step: Step,
        now: Ms,
        reason: Option<&str>,
        payment_id: Option<&str>,
    ) -> Order {
        self.status = step.to;
        self.version += 1;
        self.updated_at = now;
        match step.to {
            Status::Paid => {
                self.paid_at = Some(now);
                self.payment_id = payment_id.map(str::to_owned);
            }
            Status::Shipped => self.shipped_at = Some(now),
            Status::Completed => self.completed_at = Some(now),
            Status::Cancelled => {
                self.cancelled_at = Some(now);
                self.cancel_reason = reason.map(str::to_owned);
            }
            Status::Pending | Status::Failed => {}
        }
        self
    }
}

/// Amounts of a whole order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// Sum of the subtotals.
    pub total: Cents,
    /// At most the total.
    pub discount: Cents,
    /// The total less the discount.
    pub actual: Cents,
}

impl Amounts {
    /// With a discount of zero.
    pub const fn undiscounted(total: Cents) -> Amounts {
        Amounts {
            total,
            discount: Cents::ZERO,
            actual: total,
        }
    }
}

/// Adds up lines of (price, quantity).
///
/// # Errors
/// Without lines, with more than [`ITEMS_MAX`], above 99,999,999.99, and where the discount is above the total.
pub fn amounts(lines: &[(Cents, u32)], discount: Cents) -> Result<Amounts, Rejection> {
    if lines.is_empty() || lines.len() > ITEMS_MAX {
        return Err(Rejection::invalid(
            "items",
            format!("must have 1 to {ITEMS_MAX} lines"),
        ));
    }
    let mut total = Cents::ZERO;
    for (at, (price, quantity)) in lines.iter().enumerate() {
        total = price
            .times(*quantity)
            .and_then(|subtotal| total.plus(subtotal))
            .ok_or_else(|| {
                Rejection::invalid(
                    format!("items[{at}]"),
                    "makes the amount larger than 99999999.99",
                )
            })?;
    }
    let actual = total
        .minus(discount)
        .ok_or_else(|| Rejection::invalid("discount_amount", "is above the total"))?;
    Ok(Amounts {
        total,
        discount,
        actual,
    })
}

#[cfg(test)]
mod tests;
