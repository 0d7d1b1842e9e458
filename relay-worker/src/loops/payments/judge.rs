//! What follows from an order's status and what the provider says of its payment.

use crate::limits::PAYMENT_QUESTIONS_MAX;
use contract::api::order::CollectedStatus;
use domain::limits::{PAYMENT_ASK_MS, PAYMENT_ASK_MS_MAX, PAYMENT_ASK_PENDING_MS_MAX};
use domain::{Ms, Status};

/// Of an order that waits; then questions become rare here, too.
const PENDING_QUESTIONS_MAX: u32 = 30;

/// What to do with a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The money is there: tell the API, which pays the order or puts the money down for a refund.
    Report,
    /// Nothing is decided.
    AskAgain,
    /// There is no money, and none is wanted.
    Forget,
    /// There will be no money. A buyer who tries again begins another payment.
    Decline,
    /// Nothing was decided for so long that a person must look.
    GiveUp,
}

/// `said`: `None` where the provider does not know the payment, as it was never asked to collect it.
pub fn judge(order: Status, said: Option<CollectedStatus>, asked: u32) -> Step {
    match said {
        Some(CollectedStatus::Paid) => Step::Report,
        Some(CollectedStatus::Failed) => Step::Decline,
        // While the order can be paid, the provider may still be asked to collect it.
        None if order != Status::Pending => Step::Forget,
        _ if asked >= PAYMENT_QUESTIONS_MAX => Step::GiveUp,
        _ => Step::AskAgain,
    }
}

/// The time until the next question, after so many, about a payment of an order with this status.
pub fn ask_again_ms(order: Status, asked: u32) -> Ms {
    let longest = match order {
        Status::Pending if asked < PENDING_QUESTIONS_MAX => PAYMENT_ASK_PENDING_MS_MAX,
        _ => PAYMENT_ASK_MS_MAX,
    };
    let doubled = PAYMENT_ASK_MS.checked_shl(asked.saturating_add(1).min(16));
    doubled.map_or(longest, |ms| ms.min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use CollectedStatus::{Failed, Paid, Pending};

    #[test]
    fn money_is_always_reported() {
        for order in Status::ALL {
            for asked in [0, PAYMENT_QUESTIONS_MAX, u32::MAX] {
                assert_eq!(judge(order, Some(Paid), asked), Step::Report, "{order}");
            }
        }
    }

    #[test]
    fn a_payment_is_asked_about_while_something_may_come_of_it() {
        for (order, said, asked, step) in [
            (Status::Pending, Some(Pending), 0, Step::AskAgain),
            (Status::Pending, Some(Failed), 5, Step::Decline),
            (Status::Pending, None, 0, Step::AskAgain),
            (Status::Cancelled, Some(Pending), 9, Step::AskAgain),
            (Status::Cancelled, Some(Failed), 0, Step::Decline),
            (Status::Cancelled, None, 0, Step::Forget),
            (Status::Failed, None, 0, Step::Forget),
            (Status::Paid, Some(Failed), u32::MAX, Step::Decline),
            (Status::Paid, None, 0, Step::Forget),
            (
                Status::Cancelled,
                Some(Pending),
                PAYMENT_QUESTIONS_MAX,
                Step::GiveUp,
            ),
            (Status::Pending, Some(Pending), u32::MAX, Step::GiveUp),
        ] {
            assert_eq!(judge(order, said, asked), step, "{order} {said:?} {asked}");
        }
    }

    #[test]
    fn questions_become_rare() {
        let waits =
            |order| [0, 1, 2, 5, 6, 29, 30, u32::MAX].map(|asked| ask_again_ms(order, asked));
        let m = 60_000;
        assert_eq!(
            waits(Status::Cancelled),
            [2 * m, 4 * m, 8 * m, 60 * m, 60 * m, 60 * m, 60 * m, 60 * m]
        );
        assert_eq!(
            waits(Status::Pending),
            [2 * m, 2 * m, 2 * m, 2 * m, 2 * m, 2 * m, 60 * m, 60 * m]
        );
    }
}
