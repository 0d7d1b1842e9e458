//! A plan as one statement: an anonymous block with parameters, which MariaDB takes. That a server takes none is
//! learned from its first refusal, and remembered per address.

use super::plan::Plan;
use super::{End, Stop};
use crate::mysql::lease::Mode;
use crate::mysql::{Db, SqlError, Value};
use crate::mysql_error::Kind;
use std::sync::{Mutex, PoisonError};

/// Statements in a block. Requests decide how many a plan has, and each number is another text for the server to
/// prepare: a longer plan goes statement by statement.
const STEPS_MAX: usize = 9;
/// Addresses whose server takes no blocks, as far as this instance knows.
static WITHOUT: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// 1024 shards and one inventory: there are no more.
const ADDRESSES_MAX: usize = 1_025;

/// The error of a statement that did not change its row: `ER_SIGNAL_EXCEPTION`.
const SIGNALLED: u16 = 1644;
/// Errors of servers without blocks: a syntax error (1064), or that they cannot prepare them (1295).
const NOT_TAKEN: [u16; 2] = [1064, 1295];
/// Vitess' error for bad syntax, among others.
const UNKNOWN_ERROR: u16 = 1105;

const HEAD: &str = "BEGIN NOT ATOMIC DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END; START TRANSACTION; ";
const TAIL: &str = "COMMIT; END";
const UNMET: &str = "no such row for step ";

/// Runs a plan as a block; `None`, and nothing done, where it is too long for one or its server takes none.
pub async fn run(db: Db<'_>, plan: &Plan) -> Option<End> {
    if !may_be_taken(db.address()) {
        return None;
    }
    let (text, values) = of(plan)?;
    let mut lease = match db.lease(Mode::Automatic).await {
        Ok(lease) => lease,
        Err(error) => return Some(End::Refused(error.into())),
    };
    let Err(error) = lease.execute(&text, values).await else {
        return Some(End::Done(()));
    };
    if is_not_taken(&error) {
        note_not_taken(db.address());
        return None;
    }
    if error.is_lost {
        return Some(End::Unknown(error));
    }
    Some(End::Refused(match unmet(&error) {
        Some(place) => Stop::Unmet(place),
        None => Stop::Sql(error),
    }))
}

/// Text and parameters of the block; `None` where the plan is too long for one.
fn of(plan: &Plan) -> Option<(String, Vec<Value>)> {
    if plan.is_long || plan.steps.len() > STEPS_MAX {
        return None;
    }
    let values = plan.steps.iter().map(|step| step.values.len()).sum();
    let mut text = String::with_capacity(2_048);
    text.push_str(HEAD);
    let mut all = Vec::with_capacity(values);
    for (place, step) in plan.steps.iter().enumerate() {
        text.push_str(&step.text);
        text.push_str("; ");
        if step.changes_one {
            text.push_str(&format!(
                "IF ROW_COUNT() <> 1 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{UNMET}{place}'; END IF; "
            ));
        }
        all.extend_from_slice(&step.values);
    }
    text.push_str(TAIL);
    Some((text, all))
}

/// The step without its row, as a failed block names it.
fn unmet(error: &SqlError) -> Option<usize> {
    let (_, digits) = error.text.split_once(UNMET)?;
    if error.kind != Kind::Other(SIGNALLED) {
        return None;
    }
    let end = digits.find(|c: char| !c.is_ascii_digit());
    digits[..end.unwrap_or(digits.len())].parse().ok()
}

/// Whether the server refused the block because it takes none.
fn is_not_taken(error: &SqlError) -> bool {
    match error.kind {
        Kind::Other(UNKNOWN_ERROR) => error.text.contains("syntax error"),
        Kind::Other(number) => NOT_TAKEN.contains(&number),
        _ => false,
    }
}

/// Whether the server at this address may take blocks.
fn may_be_taken(address: &str) -> bool {
    !without(|all| all.iter().any(|known| known == address))
}

/// Remembers that the server at this address takes no blocks.
fn note_not_taken(address: &str) {
    without(|all| {
        if all.len() >= ADDRESSES_MAX {
            all.clear();
        }
        all.push(address.to_owned());
    });
}

fn without<T>(look: impl FnOnce(&mut Vec<String>) -> T) -> T {
    look(&mut WITHOUT.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests;
