//! Tests of `block`.

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
