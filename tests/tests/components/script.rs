//! The script of a test: which calls the function will make, and the answer to each. An unexpected call fails the test,
//! and so does an expectation that is not met.

use crate::bindings::{mysql, redis};
use crate::block;
use crate::sessions::Sessions;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// The answer to a call.
#[derive(Clone, Debug)]
pub enum Answer {
    Redis(Vec<redis::RedisResult>),
    RedisError(String),
    Rows(Vec<Vec<mysql::DbValue>>),
    /// A statement without rows succeeded.
    Done,
    /// A host's error when the server refused a statement or the connection broke during it.
    QueryFailed(String),
    ConnectionFailed(String),
    /// None to a statement: its server hangs.
    Never,
}

impl Answer {
    /// Whether the server refused the statement, rather than the connection breaking.
    pub(crate) fn names_an_error(&self) -> bool {
        let Answer::QueryFailed(text) = self else {
            return false;
        };
        text.contains("ServerError") || text.contains("ERROR ")
    }
}

/// A call the function made. `what` is short and readable:
/// `reserve {p1}`, `GET {u7}`, `order_1 INSERT t_order`, `open inventory`.
#[derive(Clone, Debug)]
pub struct Call {
    pub what: String,
    /// Keys and arguments, or statement parameters, as text.
    pub values: Vec<String>,
    /// The MySQL session, for a statement.
    session: Option<u32>,
}

#[derive(Debug)]
struct Expectation {
    what: String,
    answer: Answer,
    met: bool,
}

type Answering = dyn Fn(&[String]) -> Answer + Send + Sync;

/// Makes answers from the values of each call.
#[derive(Clone)]
struct Standing(Arc<Answering>);

impl std::fmt::Debug for Standing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a standing answer")
    }
}

#[derive(Debug, Default)]
struct State {
    expectations: Vec<Expectation>,
    standing: Vec<(String, Standing)>,
    calls: Vec<Call>,
    unexpected: Vec<String>,
    sessions: Sessions,
    /// The databases accept no anonymous blocks, whatever the default is.
    without_blocks: bool,
    blocks_refused: usize,
}

/// Shared between a test and the host that runs its function.
#[derive(Clone, Debug, Default)]
pub struct Script(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    called: Notify,
}

/// Succeed unless a test expects otherwise; they are recorded too.
const ALWAYS_FINE: [&str; 7] = [
    "open",
    "SET autocommit=0",
    "SET autocommit=1",
    "COMMIT",
    "ROLLBACK",
    "PUBLISH",
    "DEL",
];

impl Script {
    /// Expects one call like `what` with this answer. Several expectations alike are met in the order they were added.
    pub fn expect(self, what: &str, answer: Answer) -> Script {
        self.state(|state| {
            state.expectations.push(Expectation {
                what: what.to_owned(),
                answer,
                met: false,
            });
        });
        self
    }

    /// Answers every further call like `what` once its expectations are met.
    pub fn always(self, what: &str, answer: Answer) -> Script {
        self.always_by(what, move |_| answer.clone())
    }

    /// As `always`, with an answer made from the call's values.
    pub fn always_by(
        self,
        what: &str,
        answer: impl Fn(&[String]) -> Answer + Send + Sync + 'static,
    ) -> Script {
        let standing = Standing(Arc::new(answer));
        self.state(|state| state.standing.push((what.to_owned(), standing)));
        self
    }

    /// The databases accept no anonymous blocks: each transaction is sent statement by statement.
    pub fn without_blocks(self) -> Script {
        self.state(|state| state.without_blocks = true);
        self
    }

    pub(crate) fn takes_blocks(&self) -> bool {
        block::are_taken() && !self.state(|state| state.without_blocks)
    }

    pub(crate) fn block_refused(&self) {
        self.state(|state| state.blocks_refused += 1);
    }

    /// How many blocks were sent to databases that accept none.
    pub fn blocks_refused(&self) -> usize {
        self.state(|state| state.blocks_refused)
    }

    pub(crate) fn call(&self, what: String, values: Vec<String>) -> Answer {
        self.call_of(None, what, values)
    }

    /// A call in a MySQL session.
    pub(crate) fn call_of(
        &self,
        session: Option<u32>,
        what: String,
        values: Vec<String>,
    ) -> Answer {
        let answer = self.answer(session, what, values);
        self.0.called.notify_waiters();
        answer
    }

    /// Waits until there have been `count` calls like `what`.
    pub(crate) async fn called(&self, what: &str, count: usize) {
        loop {
            let called = self.0.called.notified();
            if self.count(what) >= count {
                return;
            }
            called.await;
        }
    }

    fn answer(&self, session: Option<u32>, what: String, values: Vec<String>) -> Answer {
        self.state(|state| {
            state.calls.push(Call {
                what: what.clone(),
                values: values.clone(),
                session,
            });
            let next = state
                .expectations
                .iter_mut()
                .find(|expected| !expected.met && is_like(&what, &expected.what));
            if let Some(expected) = next {
                expected.met = true;
                return expected.answer.clone();
            }
            let standing = state.standing.iter().find(|(like, _)| is_like(&what, like));
            if let Some((_, standing)) = standing {
                return standing.0(&values);
            }
            if ALWAYS_FINE
                .iter()
                .any(|fine| what.starts_with(fine) || what.ends_with(fine))
            {
                return fine(&what);
            }
            if what.ends_with("SELECT ROW_COUNT()") {
                return Answer::Rows(vec![vec![mysql::DbValue::Int64(1)]]);
            }
            state.unexpected.push(what);
            Answer::QueryFailed("the test's script has no answer".to_owned())
        })
    }

    /// How many calls like `what` there were.
    pub fn count(&self, what: &str) -> usize {
        self.state(|state| {
            let like = |call: &&Call| is_like(&call.what, what);
            state.calls.iter().filter(like).count()
        })
    }

    /// The session of each statement like `what`, in order.
    pub fn sessions_of(&self, what: &str) -> Vec<u32> {
        self.state(|state| {
            let like = state.calls.iter().filter(|call| is_like(&call.what, what));
            like.filter_map(|call| call.session).collect()
        })
    }

    /// Every call in order, except those that prepare a connection.
    pub fn steps(&self) -> Vec<String> {
        self.state(|state| {
            let names = state.calls.iter().map(|call| call.what.clone());
            names
                .filter(|what| !what.starts_with("open ") && !what.ends_with(" SET autocommit=0"))
                .collect()
        })
    }

    /// Keys and arguments of the last call like `what`.
    pub fn values(&self, what: &str) -> Vec<String> {
        self.state(|state| {
            let last = state.calls.iter().rfind(|call| is_like(&call.what, what));
            last.unwrap_or_else(|| panic!("no call like {what:?}"))
                .values
                .clone()
        })
    }

    /// Keys and arguments of every call like `what`, in order.
    pub fn all_values(&self, what: &str) -> Vec<Vec<String>> {
        self.state(|state| {
            let like = state.calls.iter().filter(|call| is_like(&call.what, what));
            like.map(|call| call.values.clone()).collect()
        })
    }

    /// Panics with the transcript if a call was not expected or an expectation not met.
    pub fn check(&self) {
        self.state(|state| {
            let unmet = state.expectations.iter().filter(|expected| !expected.met);
            let unmet: Vec<&str> = unmet.map(|expected| expected.what.as_str()).collect();
            if unmet.is_empty() && state.unexpected.is_empty() {
                return;
            }
            let mut transcript = String::new();
            for call in &state.calls {
                let _ = writeln!(transcript, "  {} {:?}", call.what, call.values);
            }
            panic!(
                "not expected: {:?}; not met: {unmet:?}; the calls were:\n{transcript}",
                state.unexpected
            );
        });
    }

    /// Records a violation of the host's rules.
    pub(crate) fn wrong(&self, what: String) {
        self.state(|state| state.unexpected.push(what));
    }

    pub(crate) fn sessions<R>(&self, look: impl FnOnce(&mut Sessions) -> R) -> R {
        self.state(|state| look(&mut state.sessions))
    }

    fn state<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn fine(what: &str) -> Answer {
    if is_like(what, "PUBLISH") || is_like(what, "DEL") {
        Answer::Redis(vec![redis::RedisResult::Int64(1)])
    } else {
        Answer::Done
    }
}

/// Equal, or followed by a space and more.
pub(crate) fn is_like(what: &str, pattern: &str) -> bool {
    what.strip_prefix(pattern)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// `order_1 INSERT t_order`: database, verb and table; a locking read ends in `FOR UPDATE`.
pub fn statement_name(database: &str, statement: &str) -> String {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let verb = words.first().copied().unwrap_or_default();
    let table = words
        .windows(2)
        .find(|pair| matches!(pair[0], "INTO" | "FROM" | "UPDATE") && !pair[1].starts_with('('))
        .map(|pair| pair[1]);
    match table {
        None => format!("{database} {statement}"),
        Some(table) if statement.ends_with("FOR UPDATE") && verb == "SELECT" => {
            format!("{database} SELECT {table} FOR UPDATE")
        }
        Some(table) => format!("{database} {verb} {table}"),
    }
}

/// `reserve {p1}`, `EVAL reserve {p1}` where the script's text was sent, `GET {u7}`.
pub fn command_name(command: &str, arguments: &[String]) -> String {
    let scripts = contract::store::redis::SCRIPTS;
    let script = arguments.first().and_then(|head| {
        scripts.iter().find(|script| match command {
            "EVALSHA" => *head == sha1_smol::Sha1::from(script.text).digest().to_string(),
            "EVAL" => head == script.text,
            _ => false,
        })
    });
    let key = |at: usize| arguments.get(at).map_or("", |key| tag(key));
    let name = match script {
        Some(script) if command == "EVAL" => format!("EVAL {} {}", script.name, key(2)),
        Some(script) => format!("{} {}", script.name, key(2)),
        None => format!("{command} {}", key(0)),
    };
    name.trim_end().to_owned()
}

/// A key up to the end of its hash tag; the whole key where it has none.
fn tag(key: &str) -> &str {
    key.find('}').map_or(key, |end| &key[..=end])
}

#[test]
fn names_of_calls() {
    let name = |statement| statement_name("order_1", statement);
    assert_eq!(
        name(contract::store::sql::INSERT_ORDER),
        "order_1 INSERT t_order"
    );
    assert_eq!(
        name(contract::store::sql::UPDATE_STATUS),
        "order_1 UPDATE t_order"
    );
    assert_eq!(name("COMMIT"), "order_1 COMMIT");
    assert_eq!(
        name("SELECT id FROM t_order WHERE id = ? FOR UPDATE"),
        "order_1 SELECT t_order FOR UPDATE"
    );
    assert!(is_like("reserve {p1}", "reserve") && !is_like("reserved", "reserve"));
}
