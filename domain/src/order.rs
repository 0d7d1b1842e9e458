//! An order, its amounts, its states and the moves between them.

use crate::coded;
use crate::limits::ITEMS_MAX;
use crate::stock::StockEffect;
use crate::{Cents, EventId, Ms, OrderId, ProductId, Rejection, SkuId, StockMode, UserId};

coded! {
    /// Where an order stands.
    pub enum Status {
        Pending = 0, "pending";
        Paid = 1, "paid";
        Shipped = 2, "shipped";
        Completed = 3, "completed";
        Cancelled = 4, "cancelled";
        Failed = 5, "failed";
    }
}

impl Status {
    /// Paid, and not taken back.
    pub const fn is_revenue(self) -> bool {
        matches!(self, Status::Paid | Status::Shipped | Status::Completed)
    }

    /// Neither called off nor given up: its units count as ordered.
    pub const fn is_standing(self) -> bool {
        !matches!(self, Status::Cancelled | Status::Failed)
    }

    /// Reads our names, the five systems' other ones, digits and the Chinese names.
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

/// Who asks for a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    User,
    /// Admin or operations: may also take back what is paid or shipped.
    Admin,
    /// The platform itself: expiry, refusal by the stock's last guard.
    System,
}

/// One legal step, with what it does to the stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub from: Status,
    pub to: Status,
    pub stock: Option<StockEffect>,
}

/// The steps from one state to another for this actor; more than one where an admin skips states
/// (pending to completed runs paid, shipped and completed). Empty never: asking for the present state is refused.
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

/// The buyer as the caller spelled it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    /// Present where the caller's form was not the plain number.
    pub reference: Option<String>,
}

impl User {
    /// What replies show: the caller's own form.
    pub fn shown(&self) -> String {
        self.reference
            .clone()
            .unwrap_or_else(|| self.id.get().to_string())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderItem {
    pub product: ProductId,
    pub sku: SkuId,
    pub name: String,
    pub image: Option<String>,
    pub price: Cents,
    pub quantity: u32,
    pub subtotal: Cents,
    pub stock_mode: StockMode,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub id: OrderId,
    pub user: User,
    pub status: Status,
    /// 1 when created, one more with each change; the search index and caches keep the highest.
    pub version: u32,
    pub total: Cents,
    pub discount: Cents,
    pub actual: Cents,
    pub payment_method: Option<String>,
    /// JSON or plain text, as the caller gave it.
    pub shipping_address: Option<String>,
    pub remark: Option<String>,
    pub payment_id: Option<String>,
    pub cancel_reason: Option<String>,
    pub items: Vec<OrderItem>,
    pub created_at: Ms,
    pub updated_at: Ms,
    pub paid_at: Option<Ms>,
    pub shipped_at: Option<Ms>,
    pub completed_at: Option<Ms>,
    pub cancelled_at: Option<Ms>,
}

impl Order {
    /// A new order, with nothing that its buyer need not say.
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

    /// Message id of the order's present version.
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

/// Subtotals added up, less the discount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amounts {
    pub total: Cents,
    pub discount: Cents,
    pub actual: Cents,
}

impl Amounts {
    /// Without a discount.
    pub const fn undiscounted(total: Cents) -> Amounts {
        Amounts {
            total,
            discount: Cents::ZERO,
            actual: total,
        }
    }
}

/// Adds up lines of (price, quantity). Refuses no lines, too many, and what does not fit the columns.
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
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn id() -> OrderId {
        OrderId::compose(4096, UserId::new(1).gene()).unwrap()
    }

    #[test]
    fn names_codes_and_aliases_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.name()), Some(status));
            assert_eq!(Status::parse(&status.code().to_string()), Some(status));
            assert_eq!(Status::from_code(status.code()), Some(status));
        }
        assert_eq!(Status::parse("Delivered"), Some(Status::Completed));
        assert_eq!(Status::Shipped.to_string(), "shipped");
        let standing: Vec<bool> = Status::ALL.into_iter().map(Status::is_standing).collect();
        assert_eq!(standing, [true, true, true, true, false, false]);
        assert_eq!(Status::parse("canceled"), Some(Status::Cancelled));
        assert_eq!(Status::parse("all"), None);
        assert_eq!(Status::from_code(6), None);
    }

    #[test]
    fn the_whole_table() {
        use Status::*;
        let legal: HashSet<(Status, Status)> =
            [(Pending, Paid), (Shipped, Completed), (Pending, Cancelled)].into();
        let admin_only: HashSet<(Status, Status)> = [
            (Paid, Shipped),
            (Pending, Shipped),
            (Pending, Completed),
            (Paid, Completed),
            (Paid, Cancelled),
            (Shipped, Cancelled),
        ]
        .into();
        for from in Status::ALL {
            for to in Status::ALL {
                let user = steps(id(), from, to, Actor::User).is_ok();
                let admin = steps(id(), from, to, Actor::Admin).is_ok();
                assert_eq!(user, legal.contains(&(from, to)), "user {from} -> {to}");
                assert_eq!(
                    admin,
                    user || admin_only.contains(&(from, to)),
                    "admin {from} -> {to}"
                );
            }
        }
        assert_eq!(
            steps(id(), Cancelled, Cancelled, Actor::User),
            Err(Rejection::AlreadyCancelled(id()))
        );
        assert_eq!(
            steps(id(), Paid, Cancelled, Actor::User),
            Err(Rejection::AlreadyPaid(id()))
        );
        assert_eq!(
            steps(id(), Paid, Paid, Actor::Admin),
            Err(Rejection::AlreadyPaid(id()))
        );
        assert_eq!(
            steps(id(), Completed, Cancelled, Actor::Admin),
            Err(Rejection::IllegalTransition {
                from: Completed,
                to: Cancelled
            })
        );
    }

    #[test]
    fn steps_join_up_and_settle_stock_once() {
        for from in Status::ALL {
            for to in Status::ALL {
                let Ok(steps) = steps(id(), from, to, Actor::Admin) else {
                    continue;
                };
                assert_eq!(steps.first().map(|s| s.from), Some(from));
                assert_eq!(steps.last().map(|s| s.to), Some(to));
                assert!(steps.windows(2).all(|pair| pair[0].to == pair[1].from));
                assert!(steps.iter().filter(|s| s.stock.is_some()).count() <= 1);
            }
        }
    }

    #[test]
    fn only_the_platform_revives_what_failed() {
        let revive = |actor| steps(id(), Status::Failed, Status::Pending, actor);
        let step = revive(Actor::System).unwrap()[0];
        assert_eq!(step.stock, Some(StockEffect::Reserve));
        assert!(revive(Actor::Admin).is_err() && revive(Actor::User).is_err());
    }

    #[test]
    fn a_user_is_shown_as_they_spelled_themselves() {
        let user = |reference: Option<&str>| User {
            id: UserId::new(7),
            reference: reference.map(str::to_owned),
        };
        assert_eq!(user(None).shown(), "7");
        assert_eq!(user(Some("user_7")).shown(), "user_7");
    }

    #[test]
    fn amounts_refuse_what_does_not_fit() {
        assert!(amounts(&vec![(Cents::ZERO, 1); ITEMS_MAX], Cents::ZERO).is_ok());
        let price = Cents::parse("99999999.99").unwrap();
        assert!(amounts(&[(price, 1)], Cents::ZERO).is_ok());
        assert!(amounts(&[(price, 2)], Cents::ZERO).is_err());
        assert!(amounts(&[(price, 1), (price, 1)], Cents::ZERO).is_err());
        assert!(amounts(&[], Cents::ZERO).is_err());
        assert!(amounts(&[(Cents::ZERO, 1)], price).is_err());
        assert!(amounts(&vec![(Cents::ZERO, 1); ITEMS_MAX + 1], Cents::ZERO).is_err());
    }

    proptest! {
        #[test]
        fn total_is_the_sum(lines in proptest::collection::vec((0i64..100_000, 1u32..100), 1..100)) {
            let typed: Vec<_> = lines.iter().map(|(p, q)| (Cents::new(*p).unwrap(), *q)).collect();
            let sum: i64 = lines.iter().map(|(p, q)| p * i64::from(*q)).sum();
            prop_assert_eq!(amounts(&typed, Cents::ZERO).unwrap().actual.get(), sum);
        }
    }
}
