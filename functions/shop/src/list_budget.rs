//! Limits the bytes of a list's reply: elements become JSON one by one, and the first that exceeds the limit fails the
//! request before the others are held. Many requests share the memory of an instance.

use domain::Rejection;
use domain::limits::LIST_REPLY_BYTES_MAX;
use guest::Fault;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use std::sync::atomic::{AtomicUsize, Ordering};

/// An element of a list, as JSON.
pub type Json = Box<RawValue>;

/// Room for what surrounds the elements.
const FRAME_BYTES: usize = 1024;

/// Bytes left for one list, whose parts may be rendered concurrently.
#[derive(Debug)]
pub struct Budget {
    left: AtomicUsize,
    /// The query parameter to blame, and what to do about it.
    field: &'static str,
    advice: &'static str,
}

impl Budget {
    /// Of a page; its refusal names `page_size`.
    pub fn of_page() -> Budget {
        Budget::new("page_size", "ask for a smaller page_size")
    }

    /// Of the elements named in `ids`, which its refusal names.
    pub fn of_ids() -> Budget {
        Budget::new("ids", "name fewer")
    }

    fn new(field: &'static str, advice: &'static str) -> Budget {
        Budget {
            left: AtomicUsize::new(LIST_REPLY_BYTES_MAX - FRAME_BYTES),
            field,
            advice,
        }
    }

    /// The most bytes that a reply with the elements rendered so far may have.
    pub fn bytes(&self) -> usize {
        LIST_REPLY_BYTES_MAX - self.left.load(Ordering::Relaxed)
    }

    /// An element as JSON.
    ///
    /// # Errors
    /// Where it exceeds the limit, and for every element after it.
    pub fn render(&self, element: &impl Serialize) -> Result<Json, Fault> {
        self.check()?;
        let json =
            to_raw_value(element).map_err(|error| Fault::Internal(format!("reply: {error}")))?;
        let left = self.left.load(Ordering::Relaxed);
        let left = left.saturating_sub(json.get().len() + 1);
        self.left.store(left, Ordering::Relaxed);
        self.check()?;
        Ok(json)
    }

    /// Whether the list is within its limit so far.
    ///
    /// # Errors
    /// Where it is not.
    pub fn check(&self) -> Result<(), Rejection> {
        if self.left.load(Ordering::Relaxed) > 0 {
            return Ok(());
        }
        let advice = self.advice;
        let reason = format!("makes a reply of more than {LIST_REPLY_BYTES_MAX} bytes; {advice}");
        Err(Rejection::invalid(self.field, reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_stays_too_much() {
        let budget = Budget::of_page();
        let half = "x".repeat(LIST_REPLY_BYTES_MAX / 2);
        assert!(budget.render(&half).is_ok());
        assert!(budget.render(&half).is_err());
        match budget.render(&1) {
            Err(Fault::Rejected(Rejection::Invalid { field, .. })) => {
                assert_eq!(field, "page_size");
            }
            other => panic!("{other:?}"),
        }
    }
}
