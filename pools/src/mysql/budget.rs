//! A server allows all its clients together `max_prepared_stmt_count` prepared statements. All sessions of this process
//! to one server, over threads and databases, share one budget, so that others find room, whatever texts clients make
//! components send.

use crate::limits::{MYSQL_STATEMENTS_CACHED, MYSQL_STATEMENTS_MIN};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The budgets of a process, by server.
#[derive(Debug)]
pub struct Budgets {
    statements_max: usize,
    by_server: Mutex<HashMap<(String, u16), Arc<Budget>>>,
    /// How many times any of them was halved.
    halved: watch::Sender<u64>,
}

/// What the sessions to one server may have prepared together.
#[derive(Debug)]
pub struct Budget {
    statements_max: AtomicUsize,
    sessions: AtomicUsize,
    halved: watch::Sender<u64>,
}

impl Budgets {
    /// Each server's sessions may have `statements_max` together.
    pub fn new(statements_max: usize) -> Arc<Self> {
        Arc::new(Self {
            statements_max,
            by_server: Mutex::default(),
            halved: watch::channel(0).0,
        })
    }

    /// Notifies whoever keeps idle sessions that a budget was halved, so that these close their statements.
    pub fn halved(&self) -> watch::Receiver<u64> {
        self.halved.subscribe()
    }

    /// The budget of a server, with `sessions` more to share it; the error says why there is no room for them.
    pub fn join(&self, host: &str, port: u16, sessions: usize) -> Result<Arc<Budget>, String> {
        let mut servers = self
            .by_server
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let budget = servers.entry((host.to_owned(), port)).or_insert_with(|| {
            Arc::new(Budget {
                statements_max: AtomicUsize::new(self.statements_max),
                sessions: AtomicUsize::new(0),
                halved: self.halved.clone(),
            })
        });
        let all = budget.sessions.load(Relaxed) + sessions;
        if self.statements_max / all.max(1) < MYSQL_STATEMENTS_MIN {
            return Err(format!(
                "{all} connections to {host}:{port} cannot share {} prepared statements: raise outbound_mysql.max_statements or lower outbound_mysql.max_connections",
                self.statements_max
            ));
        }
        budget.sessions.store(all, Relaxed);
        Ok(budget.clone())
    }
}

impl Budget {
    /// Statements one session may keep.
    pub fn per_session(&self) -> usize {
        let share = self.statements_max.load(Relaxed) / self.sessions.load(Relaxed).max(1);
        share.clamp(1, MYSQL_STATEMENTS_CACHED)
    }

    /// Halves the budget of all sessions, down to one statement each: the server has less room than assumed.
    pub fn halve(&self) {
        let sessions = self.sessions.load(Relaxed);
        let halved = |max: usize| Some((max / 2).max(sessions));
        let _ = self.statements_max.fetch_update(Relaxed, Relaxed, halved);
        self.halved.send_modify(|times| *times += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_of_all_databases_share_a_servers_budget() {
        let budgets = Budgets::new(1_000);
        let first = budgets.join("db", 3306, 10).unwrap();
        assert_eq!(first.per_session(), 100);
        let second = budgets.join("db", 3306, 40).unwrap();
        assert_eq!((first.per_session(), second.per_session()), (20, 20));
        let other = budgets.join("other", 3306, 10).unwrap();
        assert_eq!(other.per_session(), 100);
        let error = budgets.join("db", 3306, 1_000).unwrap_err();
        assert!(
            error.contains("raise outbound_mysql.max_statements"),
            "{error}"
        );
        assert_eq!(first.per_session(), 20, "a refused one takes no part");
        first.halve();
        assert_eq!(second.per_session(), 10);
        (0..20).for_each(|_| first.halve());
        assert_eq!(second.per_session(), 1);
    }
}
