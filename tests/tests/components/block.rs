//! A mock MySQL that accepts anonymous blocks, as MariaDB does: each statement in a block is a separate line of the
//! script.

use crate::bindings::mysql::DbValue;
use crate::replies::refused_by_mysql;
use crate::script::{Answer, Script, statement_name};
use crate::sessions::Flight;
use std::process::Command;

const HEAD: &str = "BEGIN NOT ATOMIC DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END; \
     START TRANSACTION; ";
const CHECK: &str = "IF ROW_COUNT() <> 1 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '";

/// Environment variable: makes this program's mock servers refuse blocks.
const WITHOUT_BLOCKS: &str = "FLASHORDER_TEST_WITHOUT_BLOCKS";

/// Whether mock servers accept blocks by default.
pub fn are_taken() -> bool {
    std::env::var_os(WITHOUT_BLOCKS).is_none()
}

#[test]
fn all_this_holds_where_the_server_takes_no_blocks() {
    if !are_taken() {
        return;
    }
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program)
        .env(WITHOUT_BLOCKS, "yes")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("test result: ok"), "{said}");
}

/// A session of a database with its current call.
pub struct Session<'a> {
    pub script: &'a Script,
    pub flight: &'a Flight,
    pub database: &'a str,
    pub number: u32,
}

impl Session<'_> {
    /// What the server answers to a statement.
    pub async fn answer(&self, text: &str, values: Vec<String>) -> Answer {
        let Some(body) = text.strip_prefix(HEAD) else {
            return self.line(text, values).await;
        };
        if !self.script.takes_blocks() {
            self.script.block_refused();
            return refused_by_mysql(1064, "42000", "You have an error in your SQL syntax");
        }
        match self.block(body, values).await {
            Ok(()) => Answer::Done,
            Err(answer) => {
                if answer.names_an_error() {
                    self.line("ROLLBACK", vec![]).await;
                }
                answer
            }
        }
    }

    /// Runs the statements of a block up to the first that fails.
    async fn block(&self, body: &str, values: Vec<String>) -> Result<(), Answer> {
        let mut values = values.into_iter();
        for text in body.split("; ") {
            if matches!(text, "END IF" | "END") {
                continue;
            }
            if let Some(message) = text.strip_prefix(CHECK) {
                let answer = self.line("SELECT ROW_COUNT()", vec![]).await;
                let changed = match &answer {
                    Answer::Rows(rows) => rows.first().and_then(|row| row.first()),
                    _ => None,
                };
                if !matches!(changed, Some(DbValue::Int64(1))) {
                    let message = message.trim_end_matches('\'');
                    return Err(refused_by_mysql(1644, "45000", message));
                }
                continue;
            }
            let own = values.by_ref().take(text.matches('?').count()).collect();
            match self.line(text, own).await {
                Answer::Done | Answer::Rows(_) => {}
                refused => return Err(refused),
            }
        }
        assert_eq!(values.next(), None, "values without a place");
        Ok(())
    }

    /// Answers one statement from the script.
    async fn line(&self, text: &str, values: Vec<String>) -> Answer {
        let name = statement_name(self.database, text);
        let answer = self.script.call_of(Some(self.number), name.clone(), values);
        self.flight.held(&name).await;
        answer
    }
}
