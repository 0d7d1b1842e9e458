//! Transactions: each stands whole or not at all, and its end says which. One whose statements are known beforehand is
//! a `Plan`, and goes to the server in one round trip where it takes an anonymous block (MariaDB), else statement by
//! statement (docs/decisions/0016).

mod block;
mod plan;

use crate::Fault;
use crate::clock;
use crate::mysql::lease::{Lease, Mode};
use crate::mysql::{Db, Row, SqlError, Value};
use crate::mysql_error::Kind;
use contract::store::sql;
use std::time::Duration;

pub use plan::Plan;

/// How a transaction ended.
#[derive(Debug)]
pub enum End<T = ()> {
    /// It is committed.
    Done(T),
    /// It is not committed, and never will be.
    Refused(Stop),
    /// The connection went away before the server said which.
    Unknown(SqlError),
}

impl<T> End<T> {
    /// What was done, for who need not know whether one without an answer stands.
    ///
    /// # Errors
    /// Why it was refused, or that its answer is lost.
    pub fn done(self) -> Result<T, Fault> {
        match self {
            End::Done(done) => Ok(done),
            End::Refused(stop) => Err(stop.into()),
            End::Unknown(error) => Err(error.into()),
        }
    }
}

/// Why a transaction was given up.
#[derive(Debug)]
pub enum Stop {
    /// The statement at this place of its plan did not change exactly one row.
    Unmet(usize),
    /// The server refused a statement, or was not there to take one.
    Sql(SqlError),
    /// What was read, or done beside it, does not let it go on.
    Fault(Fault),
}

impl From<SqlError> for Stop {
    fn from(error: SqlError) -> Stop {
        Stop::Sql(error)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Fault(fault)
    }
}

impl From<Stop> for Fault {
    fn from(stop: Stop) -> Fault {
        match stop {
            Stop::Unmet(place) => Fault::Internal(format!("step {place} found no row")),
            Stop::Sql(error) => error.into(),
            Stop::Fault(fault) => fault,
        }
    }
}

/// Waits before the further attempts at a transaction that the server asks to repeat: at once, and not for ever.
pub const AT_ONCE: [Duration; 2] = [Duration::ZERO; 2];

/// What is done in a transaction: a plan, or what depends on what it reads, or acts on more than the database.
pub trait Work {
    type Done;

    /// How it ends in one round trip; `None` where it takes several.
    fn at_once(&self, _db: Db<'_>) -> impl Future<Output = Option<End<Self::Done>>> {
        async { None }
    }

    /// All of it but the COMMIT. It may be done again from the start.
    fn perform(
        &self,
        transaction: &mut Transaction,
    ) -> impl Future<Output = Result<Self::Done, Stop>>;
}

impl Work for Plan {
    type Done = ();

    async fn at_once(&self, db: Db<'_>) -> Option<End> {
        block::run(db, self).await
    }

    /// Its statements one by one.
    async fn perform(&self, transaction: &mut Transaction) -> Result<(), Stop> {
        for (place, step) in self.steps.iter().enumerate() {
            let values = step.values.clone();
            if !step.changes_one {
                transaction.execute(&step.text, values).await?;
            } else if transaction.0.update(&step.text, values).await? != 1 {
                return Err(Stop::Unmet(place));
            }
        }
        Ok(())
    }
}

/// Runs a transaction, again after each of `waits` where the server asks for it.
pub async fn run<W: Work>(
    db: Db<'_>,
    work: &W,
    waits: impl IntoIterator<Item = Duration>,
) -> End<W::Done> {
    let mut waits = waits.into_iter();
    loop {
        let end = match work.at_once(db).await {
            Some(end) => end,
            None => in_steps(db, work).await,
        };
        if !is_again(&end, &mut waits).await {
            return end;
        }
    }
}

/// Whether it is to be tried again, after the wait.
async fn is_again<T>(end: &End<T>, waits: &mut impl Iterator<Item = Duration>) -> bool {
    let End::Refused(Stop::Sql(error)) = end else {
        return false;
    };
    if error.kind != Kind::Retry {
        return false;
    }
    match waits.next() {
        Some(wait) => {
            if !wait.is_zero() {
                clock::sleep(wait).await;
            }
            true
        }
        None => false,
    }
}

/// One attempt, statement by statement.
async fn in_steps<W: Work>(db: Db<'_>, work: &W) -> End<W::Done> {
    let mut transaction = match Transaction::begin(db).await {
        Ok(transaction) => transaction,
        Err(error) => return End::Refused(error.into()),
    };
    match work.perform(&mut transaction).await {
        Ok(done) => transaction.commit(done).await,
        Err(stop) => {
            transaction.rollback().await;
            End::Refused(stop)
        }
    }
}

/// Statements on one connection. One that is dropped is rolled back, though perhaps not at once.
pub struct Transaction(Lease);

impl Transaction {
    /// It sees what is there at its first statement.
    async fn begin(db: Db<'_>) -> Result<Transaction, SqlError> {
        let mut lease = db.lease(Mode::Manual).await?;
        lease.begin();
        Ok(Transaction(lease))
    }

    pub async fn execute(&mut self, statement: &str, values: Vec<Value>) -> Result<(), SqlError> {
        self.0.execute(statement, values).await
    }

    /// All rows; statements that may give many must limit them.
    pub async fn query(
        &mut self,
        statement: &str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, SqlError> {
        self.0.query(statement, values).await
    }

    async fn commit<T>(mut self, done: T) -> End<T> {
        match self.0.end(sql::COMMIT).await {
            Ok(()) => End::Done(done),
            Err(error) => {
                self.rollback().await;
                match error.is_lost {
                    true => End::Unknown(error),
                    false => End::Refused(error.into()),
                }
            }
        }
    }

    /// Best effort: one that cannot be rolled back has lost its connection, and the server rolls it back.
    async fn rollback(mut self) {
        let _ = self.0.end(sql::ROLLBACK).await;
    }
}
