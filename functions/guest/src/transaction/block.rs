//! A plan as one statement: MariaDB takes an anonymous block with parameters. Whether a server does is learned from its
//! first refusal, and remembered per address.

use super::plan::Plan;
use super::{End, Stop};
use crate::mysql::lease::Mode;
use crate::mysql::{Db, SqlError, Value};
use crate::mysql_error::Kind;
use std::sync::{Mutex, PoisonError};

/// Statements in a block. What callers send decides how many a plan has, and each number is a text that the server
/// prepares: a longer plan goes statement by statement.
const STEPS_MAX: usize = 9;
/// Addresses whose server took no block; of this instance.
static WITHOUT: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// There are no more shards, and one inventory.
const ADDRESSES_MAX: usize = 1_025;

/// The error of a statement that did not change its row: `ER_SIGNAL_EXCEPTION`.
const SIGNALLED: u16 = 1644;
/// A server that knows no blocks finds a syntax error (1064), or says that it does not prepare them (1295).
const NOT_TAKEN: [u16; 2] = [1064, 1295];
/// What Vitess says of a syntax error, among others.
const UNKNOWN_ERROR: u16 = 1105;

const HEAD: &str = "BEGIN NOT ATOMIC DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END; START TRANSACTION; ";
const TAIL: &str = "COMMIT; END";
const UNMET: &str = "no such row for step ";

/// Runs a plan as a block; `None` where it is too long for that, or its server takes none.
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

/// The block, where the plan is of a size that has one.
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

/// The step that a refusal of a block names.
fn unmet(error: &SqlError) -> Option<usize> {
    let (_, digits) = error.text.split_once(UNMET)?;
    if error.kind != Kind::Other(SIGNALLED) {
        return None;
    }
    let end = digits.find(|c: char| !c.is_ascii_digit());
    digits[..end.unwrap_or(digits.len())].parse().ok()
}

/// Whether the server refused the block for being one.
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

/// The server at this address takes none.
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
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_one_text() {
        let mut plan = Plan::new();
        plan.change_one(
            "UPDATE t SET n = n - ? WHERE id = ?",
            vec![Value::Uint8(1), Value::Uint8(7)],
        );
        plan.insert(
            "INSERT INTO u (a, b) VALUES ",
            1,
            ", 0",
            vec![Value::Uint8(2), Value::Uint8(3)],
        );
        let (text, values) = of(&plan).unwrap();
        assert_eq!(
            text,
            "BEGIN NOT ATOMIC DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END; START TRANSACTION; \
             UPDATE t SET n = n - ? WHERE id = ?; \
             IF ROW_COUNT() <> 1 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no such row for step 0'; END IF; \
             INSERT INTO u (a, b) VALUES (?, 0), (?, 0); COMMIT; END"
        );
        assert_eq!(values.len(), 4);
    }

    #[test]
    fn a_refusal_names_its_step() {
        let place = |text: &str| unmet(&SqlError::said(text.to_owned()));
        assert_eq!(
            place("Server error: `ERROR 45000 (1644): no such row for step 12'"),
            Some(12)
        );
        assert_eq!(
            place("Server error: `ERROR 45000 (1644): something else'"),
            None
        );
        assert_eq!(
            place("ERROR 23000 (1062): Duplicate entry 'no such row for step 1' for key 'a'"),
            None
        );
    }

    #[test]
    fn a_server_without_blocks_says_so() {
        let not_taken = |text: &str| is_not_taken(&SqlError::said(text.to_owned()));
        for text in [
            "ERROR 42000 (1064): You have an error in your SQL syntax",
            "ERROR HY000 (1295): This command is not supported in the prepared statement protocol yet",
            "ERROR HY000 (1105): syntax error at position 10 near 'NOT'",
        ] {
            assert!(not_taken(text), "{text}");
        }
        for text in [
            "ERROR HY000 (1105): Unknown error",
            "ERROR 23000 (1062): Duplicate entry 'syntax error' for key 'a'",
            "connection closed",
        ] {
            assert!(!not_taken(text), "{text}");
        }
    }

    #[test]
    fn what_is_long_goes_statement_by_statement() {
        let rows = |count: u8| {
            let mut plan = Plan::new();
            plan.insert(
                "INSERT INTO u (a) VALUES ",
                1,
                "",
                (0..count).map(Value::Uint8).collect(),
            );
            (plan.steps.len(), of(&plan).is_some())
        };
        assert_eq!((rows(8), rows(13)), ((1, true), (2, false)));
        let mut plan = Plan::new();
        for _ in 0..STEPS_MAX {
            plan.execute("DO ?", vec![Value::Uint8(1)]);
            assert!(of(&plan).is_some());
        }
        plan.execute("DO ?", vec![Value::Uint8(1)]);
        assert!(of(&plan).is_none());
    }
}
