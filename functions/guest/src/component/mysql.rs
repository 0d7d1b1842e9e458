//! MySQL connections of a component, from the pool of its instance. An open is never cancelled, and a connection whose
//! statement was cancelled is not used again (see `pool`).

use crate::clock::sleep;
use crate::mysql::lease::{Lease, Mode, State};
use crate::mysql::pool::{Found, Pool};
use crate::mysql::{SqlError, failed};
use crate::mysql_error::Kind;
use futures::channel::oneshot;
use spin_sdk::mysql::{DbValue, Error, ParameterValue};
use spin_sdk::wasip3::spawn;
use spin_sdk::wasip3::wit_bindgen::StreamResult;
use std::cell::RefCell;
use std::future::poll_fn;
use std::mem::replace;
use std::task::Poll;
use std::time::{Duration, Instant};

pub use spin_sdk::mysql::Connection;

/// Rows read from the host in one call: most results fit in one.
const ROWS_AT_ONCE: usize = 64;

/// How long a request waits for a connection of another.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// How often it looks for one: no request can wake another.
const LOOK_EVERY: Duration = Duration::from_millis(5);

thread_local! {
    static POOL: RefCell<Pool<Connection>> = const { RefCell::new(Pool::new()) };
}

fn pool<T>(look: impl FnOnce(&mut Pool<Connection>) -> T) -> T {
    POOL.with_borrow_mut(look)
}

/// Drops what may be dropped now. The pool is not borrowed while the host closes it.
fn let_go() {
    let gone = pool(Pool::let_go);
    drop(gone);
}

/// Counts an open or a statement as in flight until it is dropped: after the call, whether that ended or was cancelled.
pub struct Flight(());

impl Flight {
    pub fn start() -> Flight {
        pool(Pool::starts);
        Flight(())
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        pool(Pool::ends);
        let_go();
    }
}

/// Index, in the pool, of the address of a connection.
#[derive(Clone, Copy)]
pub struct Home(usize);

impl Home {
    /// Takes a connection back; what becomes of it depends on its state.
    pub fn back(self, connection: Connection, mode: Mode, state: State) {
        pool(|pool| match state {
            State::Free => pool.give_back(self.0, mode, connection),
            State::Open => pool.leave_open(self.0, connection),
            State::Asked | State::Spoilt => pool.set_aside(self.0, connection),
        });
        let_go();
    }

    /// Its server went away: the idle connections to it are not used again.
    pub fn doubt(self) {
        pool(|pool| pool.doubt(self.0));
    }
}

/// A connection to the address, if possible of this mode.
pub async fn take(address: &str, mode: Mode) -> Result<Lease, SqlError> {
    let home = Home(pool(|pool| pool.place(address)));
    let mut waiting_since = None;
    loop {
        match pool(|pool| pool.take(home.0, mode)) {
            Found::Idle(connection, mode) => {
                return Ok(Lease::new(connection, home, mode, State::Free));
            }
            Found::LeftOpen(connection) => {
                return Ok(Lease::new(connection, home, Mode::Manual, State::Open));
            }
            Found::Room => return open(address.to_owned(), home).await,
            Found::Full => {}
        }
        let since = *waiting_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= WAIT_MAX {
            return Err(SqlError::unsent(
                Kind::Connection,
                "every connection this instance may have is in use",
            ));
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Opens a connection that is counted already, in a task of its own: where its request is cancelled, the connection is
/// kept for others. A cancelled open may have succeeded, and its connection would be dropped while others are in
/// flight.
async fn open(address: String, home: Home) -> Result<Lease, SqlError> {
    let (sender, receiver) = oneshot::channel();
    spawn(async move {
        let flight = Flight::start();
        let opened = Connection::open(address).await;
        drop(flight);
        let lease = match opened {
            Ok(connection) => Ok(Lease::new(connection, home, Mode::Automatic, State::Free)),
            Err(error) => {
                pool(|pool| pool.not_opened(home.0));
                Err(failed(error))
            }
        };
        drop(sender.send(lease));
    });
    next_turn().await;
    receiver.await.unwrap_or_else(|_| {
        Err(SqlError::unsent(
            Kind::Connection,
            "the opening of a connection was given up",
        ))
    })
}

/// Yields once: a spawned task starts only after the turn that spawned it.
async fn next_turn() {
    let mut is_next = false;
    poll_fn(|context| {
        if replace(&mut is_next, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Passes the rows of a query to `take` as they arrive.
pub async fn each(
    connection: &Connection,
    statement: &str,
    parameters: Vec<ParameterValue>,
    mut take: impl FnMut(Vec<DbValue>),
) -> Result<(), Error> {
    let mut result = connection.query(statement, parameters).await?;
    let mut rows = Vec::with_capacity(ROWS_AT_ONCE);
    loop {
        let (read, all) = result.rows().read(rows).await;
        rows = all;
        rows.drain(..).for_each(&mut take);
        match read {
            StreamResult::Complete(_) => {}
            StreamResult::Dropped | StreamResult::Cancelled => break,
        }
    }
    result.result().await
}
