//! The statements a session has prepared, with what each may leave behind: found by one look-up per execution. The
//! driver's own cache would read the text again each time, in search of named parameters.

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
    /// Counts executions, so that the statement unused for longest is known.
    turn: u64,
}

#[derive(Debug)]
struct Known {
    found: Found,
    used: u64,
}

/// A prepared statement, and what its text says of it.
#[derive(Debug, Clone)]
pub struct Found {
    pub statement: Statement,
    pub residue: Residue,
    /// It is a block of several.
    pub is_compound: bool,
}

impl Prepared {
    /// None yet, and never more than its part of `budget`.
    pub fn new(budget: Arc<Budget>) -> Self {
        Self {
            by_text: HashMap::new(),
            budget,
            turn: 0,
        }
    }

    /// `text` as `conn` knows it, prepared if it is new.
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

    /// Forgets all: the server has.
    pub fn clear(&mut self) {
        self.by_text.clear();
    }

    /// Closes all: the server counts them no more once it has read that.
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
