//! One connection to the database and what must be undone before another request may have it.

use super::budget::Budget;
use super::prepared::Prepared;
use super::statement::{Mode, Residue};
use mysql_async::consts::StatusFlags;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, Statement};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long an orderly disconnect may take.
const QUIT_TIMEOUT: Duration = Duration::from_millis(200);

/// A logged-in connection.
#[derive(Debug)]
pub struct Session {
    conn: Conn,
    prepared: Prepared,
    /// The largest residue of its statements since it was last clean.
    residue: Residue,
    /// The server's status after the last statement; `None` when that failed.
    transaction: Option<TransactionState>,
    /// Where the last statement failed, a transaction may be open: one was before it, or it was a block of several.
    may_be_open: bool,
    /// A statement was begun and has not ended: what comes next on the wire is unknown.
    busy: bool,
    broken: bool,
    /// When it was last given back.
    pub idle_since: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TransactionState {
    open: bool,
    autocommit: bool,
}

/// Of a session just opened or reset.
const FRESH: TransactionState = TransactionState {
    open: false,
    autocommit: true,
};

impl TransactionState {
    fn of(conn: &Conn) -> Option<Self> {
        let flags = conn.last_ok_packet()?.status_flags();
        Some(Self {
            open: flags.contains(StatusFlags::SERVER_STATUS_IN_TRANS),
            autocommit: flags.contains(StatusFlags::SERVER_STATUS_AUTOCOMMIT),
        })
    }
}

/// What to do with a session that its caller is done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// Reuse it as it is.
    None,
    /// Roll back.
    EndTransaction,
    /// Reset it: prepared statements are lost with the rest.
    Reset,
    /// Close it.
    Close,
}

impl Session {
    /// Connects. The caller sets the deadline.
    pub async fn connect(opts: &Opts, budget: Arc<Budget>) -> Result<Self, Error> {
        Ok(Self {
            conn: Conn::new(opts.clone()).await?,
            prepared: Prepared::new(budget),
            residue: Residue::Transaction,
            transaction: Some(FRESH),
            may_be_open: false,
            busy: false,
            broken: false,
            idle_since: Instant::now(),
        })
    }

    /// The statement `text`, prepared on the connection that [`Session::conn`] is. Call [`Session::ended`] when its
    /// result was read to the end, or there is an error.
    pub async fn begin(&mut self, text: &str) -> Result<Statement, Error> {
        self.busy = true;
        self.may_be_open = self.transaction.is_none_or(|state| state.open);
        let found = self.prepared.get(&mut self.conn, text).await?;
        self.residue = self.residue.max(found.residue);
        self.may_be_open |= found.is_compound;
        Ok(found.statement)
    }

    /// The connection, for a statement that was begun.
    pub fn conn(&mut self) -> &mut Conn {
        &mut self.conn
    }

    /// Notes how the statement went.
    pub fn ended(&mut self, error: Option<&Error>) {
        self.busy = false;
        self.broken |= error.is_some_and(Error::is_fatal);
        self.transaction = TransactionState::of(&self.conn);
    }

    /// Whether it is in `mode` with no transaction open.
    pub fn rests_in(&self, mode: Mode) -> bool {
        self.transaction
            .is_some_and(|state| !state.open && state.autocommit == (mode == Mode::Automatic))
    }

    /// Switches a session without a transaction to `mode`; `false` if that did not work in time and it must be closed.
    pub async fn turn(&mut self, mode: Mode, limit: Duration) -> bool {
        let statement = match mode {
            Mode::Automatic => "SET autocommit=1",
            Mode::Manual => "SET autocommit=0",
        };
        self.busy = true;
        let turned = matches!(
            timeout(limit, self.conn.query_drop(statement)).await,
            Ok(Ok(()))
        );
        self.busy = !turned;
        self.transaction = TransactionState::of(&self.conn);
        turned
    }

    /// Whether a fatal error has made the connection useless.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether the next statement can be sent.
    pub fn is_usable(&self) -> bool {
        !self.busy && !self.broken
    }

    /// Whether it holds no state of the connection that has it, which is in `mode`: no transaction, no variables, no
    /// generated id that may be asked for.
    pub fn is_free(&self, mode: Mode) -> bool {
        let open = match self.transaction {
            Some(state) => state.open,
            // A single statement that failed leaves nothing open.
            None => mode == Mode::Manual || self.may_be_open,
        };
        self.residue == Residue::Transaction && !open && self.insert_id().is_none()
    }

    /// Rows the last statement changed.
    pub fn affected_rows(&self) -> u64 {
        self.conn.affected_rows()
    }

    /// The id the last statement generated, if any.
    pub fn insert_id(&self) -> Option<u64> {
        self.conn.last_insert_id().filter(|id| *id != 0)
    }

    /// The server's id of the connection.
    pub fn id(&self) -> u32 {
        self.conn.id()
    }

    /// What it needs before reuse.
    pub fn care(&self) -> Care {
        if self.busy || self.broken {
            return Care::Close;
        }
        match (self.residue, self.transaction) {
            (Residue::Connection, _) => Care::Close,
            (Residue::Session, _) => Care::Reset,
            // Commit or rollback ended it. Its mode stays, for the next caller that wants it.
            (Residue::Transaction, Some(TransactionState { open: false, .. })) => Care::None,
            (Residue::Transaction, _) => Care::EndTransaction,
        }
    }

    /// Cleans it as `care` says; `false` if that did not work in time and it must be closed.
    pub async fn clean(&mut self, care: Care, limit: Duration) -> bool {
        self.busy = true;
        let cleaning = async {
            match care {
                Care::None => Ok(true),
                Care::EndTransaction => self.conn.query_drop("ROLLBACK").await.map(|()| true),
                Care::Reset => self.conn.reset().await,
                Care::Close => Ok(false),
            }
        };
        let clean = matches!(timeout(limit, cleaning).await, Ok(Ok(true)));
        if clean {
            if care == Care::Reset {
                self.prepared.clear();
            }
            self.busy = false;
            self.residue = Residue::Transaction;
            self.transaction = match care {
                Care::Reset => Some(FRESH),
                _ => TransactionState::of(&self.conn),
            };
        }
        clean
    }

    /// Whether it has any prepared statements.
    pub fn has_statements(&self) -> bool {
        !self.prepared.is_empty()
    }

    /// Forgets its prepared statements, and waits until the server has, too.
    pub async fn forget_statements(&mut self, limit: Duration) {
        self.busy = true;
        let forgetting = async {
            self.prepared.close_all(&mut self.conn).await?;
            self.conn.ping().await
        };
        self.busy = !matches!(timeout(limit, forgetting).await, Ok(Ok(())));
    }

    /// Whether the server still answers on it.
    pub async fn answers(&mut self, limit: Duration) -> bool {
        self.busy = true;
        let alive = matches!(timeout(limit, self.conn.ping()).await, Ok(Ok(())));
        self.busy = !alive;
        alive
    }

    /// Logs out and closes the socket, whatever is still to be read from it.
    pub async fn close(self) {
        // An error or a silent server changes nothing: the socket is closed when the future is dropped.
        let _ = timeout(QUIT_TIMEOUT, self.conn.disconnect()).await;
    }
}
