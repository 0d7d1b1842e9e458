//! Transactions, and how each ended. One whose statements are known beforehand is a `Plan`: it goes to the server in
//! one round trip where that takes anonymous blocks (MariaDB), else statement by statement (docs/decisions/0016).

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
    /// The answer was lost: it may be committed or not.
    Unknown(SqlError),
}

impl<T> End<T> {
    /// What was done, for callers to whom an unknown end is a failure.
    ///
    /// # Errors
    /// Where it is not committed, or its answer was lost.
    pub fn done(self) -> Result<T, Fault> {
        match self {
            End::Done(done) => Ok(done),
            End::Refused(stop) => Err(stop.into()),
            End::Unknown(error) => Err(error.into()),
        }
    }
}

/// Why a transaction was not committed.
#[derive(Debug)]
pub enum Stop {
    /// The statement at this place of its plan, from 0, did not change exactly one row.
    Unmet(usize),
    /// The server refused a statement, or was away.
    Sql(SqlError),
    /// What was read, or done beside the database, made it stop.
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

/// Waits for [`run`]: two retries, each at once.
pub const AT_ONCE: [Duration; 2] = [Duration::ZERO; 2];

/// What a transaction does: a plan, or code that depends on what it reads or acts on more than the database.
pub trait Work {
    /// What it gives once it is committed.
    type Done;

    /// Runs it in one round trip; `None`, and nothing done, where that is not possible.
    fn at_once(&self, _db: Db<'_>) -> impl Future<Output = Option<End<Self::Done>>> {
        async { None }
    }

    /// Does all of it but the COMMIT. A retry calls it again, in a new transaction.
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

    /// Runs its statements one by one.
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

/// Runs a transaction, and again after each of `waits` while it ends in a deadlock or a lock wait.
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

/// Whether it is to be tried again; where it is, the wait is over.
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

/// An open transaction on a connection of its own. One that is dropped is rolled back, though perhaps not at once.
pub struct Transaction(Lease);

impl Transaction {
    /// Its snapshot is that of its first statement.
    async fn begin(db: Db<'_>) -> Result<Transaction, SqlError> {
        let mut lease = db.lease(Mode::Manual).await?;
        lease.begin();
        Ok(Transaction(lease))
    }

    /// Runs a statement without a result.
    ///
    /// # Errors
    /// Where the server is away or refuses the statement.
    pub async fn execute(&mut self, statement: &str, values: Vec<Value>) -> Result<(), SqlError> {
        self.0.execute(statement, values).await
    }

    /// All rows; statements that may give many must limit them.
    ///
    /// # Errors
    /// Where the server is away or refuses the statement.
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

    /// Best effort: where it fails the connection is lost, and the server rolls back.
    async fn rollback(mut self) {
        let _ = self.0.end(sql::ROLLBACK).await;
    }
}
