//! The statements a session has prepared, with what each may leave behind: found by one look-up per execution. The
//! driver's own cache would parse the text again each time, for named parameters.

use super::budget::Budget;
use super::statement::{Residue, is_compound, residue};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Statement};
use std::collections::HashMap;
use std::sync::Arc;

/// The statements of one session.
#[derive(Debug)]
pub struct Prepared {
    by_text: HashMap<Box<str>, Known>,
    budget: Arc<Budget>,
    /// Counts executions, to find the least recently used statement.
    turn: u64,
}

#[derive(Debug)]
struct Known {
    found: Found,
    used: u64,
}

/// A prepared statement, and what its text says about it.
#[derive(Debug, Clone)]
pub struct Found {
    /// The server's handle of it.
    pub statement: Statement,
    /// What it may leave behind in its session.
    pub residue: Residue,
    /// It is a block of several statements.
    pub is_compound: bool,
}

impl Prepared {
    /// No statements yet, and never more than one session's part of `budget`.
    pub fn new(budget: Arc<Budget>) -> Self {
        Self {
            by_text: HashMap::new(),
            budget,
            turn: 0,
        }
    }

    /// The statement `text` of `conn`, prepared if it is new; the least recently used ones make room for it.
    pub async fn get(&mut self, conn: &mut Conn, text: &str) -> Result<Found, Error> {
        self.turn += 1;
        if let Some(known) = self.by_text.get_mut(text) {
            known.used = self.turn;
            return Ok(known.found.clone());
        }
        let max = self.budget.per_session();
        while self.by_text.len() >= max
            && let Some(oldest) = self.take_oldest()
        {
            conn.close(oldest).await?;
        }
        let found = Found {
            statement: conn.prep(text).await?,
            residue: residue(text),
            is_compound: is_compound(text),
        };
        let known = Known {
            found: found.clone(),
            used: self.turn,
        };
        self.by_text.insert(text.into(), known);
        Ok(found)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_text.is_empty()
    }

    /// Forgets all, after the server has.
    pub fn clear(&mut self) {
        self.by_text.clear();
    }

    /// Closes all; the server stops counting them when it has read that.
    pub async fn close_all(&mut self, conn: &mut Conn) -> Result<(), Error> {
        while let Some(oldest) = self.take_oldest() {
            conn.close(oldest).await?;
        }
        Ok(())
    }

    fn take_oldest(&mut self) -> Option<Statement> {
        let oldest = self.by_text.iter().min_by_key(|(_, known)| known.used);
        let text = oldest?.0.clone();
        self.by_text
            .remove(&text)
            .map(|known| known.found.statement)
    }
}
