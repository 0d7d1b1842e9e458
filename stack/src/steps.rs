//! A proxy that reads the requests of its clients: a test names a step (a statement, a command, a kind of request) and
//! what happens there: the reply is cut off or never comes, or the test is woken to kill a process. So a crash hits the
//! same step each time, instead of some moment under load.

mod kafka;
mod mysql;
mod redis;

use crate::door::Door;
use crate::wait::poll;
use anyhow::{Result, bail};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The protocol of the server, and how its requests are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// By the SQL text, prepared or not.
    MySql,
    /// The same, and anonymous blocks are made syntax errors, as on a server that does not support them.
    MySqlWithoutBlocks,
    /// By the command and its arguments, separated by spaces.
    Redis,
    /// By the name of the request's kind.
    Kafka,
}

/// What happens at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The request reaches the server, and nothing passes on this connection until `Step::release`: to the server it
    /// looks like a client that is frozen.
    Hold,
    /// The request reaches the server; its reply does not reach the client, whose connection ends.
    CutReply,
    /// The request does not reach the server, and the connection ends.
    CutRequest,
    /// The request does not reach the server, and its client waits until `Step::release`; then the connection ends.
    HoldRequest,
}

/// Finds requests in what a client sends.
trait Reader: Send {
    /// Takes bytes from the client; gives every request in them that is complete enough to be named.
    fn requests(&mut self, bytes: &[u8]) -> Vec<String>;
    /// Takes bytes from the server.
    fn replies(&mut self, _bytes: &[u8]) {}
}

/// A running proxy. Its threads end with their connections.
pub struct Steps {
    door: Door,
    rules: Rules,
}

type Rules = Arc<Mutex<Vec<Arc<Rule>>>>;

struct Rule {
    /// Text of an earlier request of the same transaction.
    after: Option<String>,
    text: String,
    action: Action,
    state: Mutex<RuleState>,
    changed: Condvar,
}

#[derive(Default)]
struct RuleState {
    /// Matching requests that still pass before it applies.
    skip: usize,
    reached: bool,
    /// The server has begun to answer.
    answered: bool,
    released: bool,
}

/// A step that a test has set. It happens once.
pub struct Step(Arc<Rule>);

impl Steps {
    /// A proxy before the server on port `target` of 127.0.0.1.
    ///
    /// # Errors
    /// Where no port is free.
    pub fn before(target: u16, protocol: Protocol) -> Result<Steps> {
        let rules = Rules::default();
        let asked = rules.clone();
        let door = Door::before(target, move |client, server| {
            join(&asked, client, server, protocol)
        })?;
        Ok(Steps { door, rules })
    }

    pub fn port(&self) -> u16 {
        self.door.port()
    }

    /// Sets a step at the next request that contains `text`, after `skip` others that do.
    pub fn at(&self, text: &str, skip: usize, action: Action) -> Step {
        self.rule(None, text, skip, action)
    }

    /// Sets a step at the next request that contains `text` in a MySQL transaction that contained `after`, to identify
    /// a COMMIT. A transaction in one request contains both.
    pub fn at_after(&self, after: &str, text: &str, action: Action) -> Step {
        self.rule(Some(after.to_owned()), text, 0, action)
    }

    fn rule(&self, after: Option<String>, text: &str, skip: usize, action: Action) -> Step {
        let rule = Arc::new(Rule {
            after,
            text: text.to_owned(),
            action,
            state: Mutex::new(RuleState {
                skip,
                ..RuleState::default()
            }),
            changed: Condvar::new(),
        });
        let mut rules = lock(&self.rules);
        // Each request is compared with all rules, so finished ones are removed.
        rules.retain(|rule| !lock(&rule.state).released);
        rules.push(rule.clone());
        drop(rules);
        Step(rule)
    }
}

impl Step {
    /// Waits until the step is reached.
    ///
    /// # Errors
    /// Where it is not in time.
    pub fn reached(&self, within: Duration) -> Result<()> {
        let reached = poll(within, || lock(&self.0.state).reached.then_some(()));
        if reached.is_none() {
            bail!("no request with {:?} came within {within:?}", self.0.text);
        }
        Ok(())
    }

    /// Waits until the server has answered a request that is held: it has taken effect.
    ///
    /// # Errors
    /// Where it has not in time.
    pub fn answered(&self, within: Duration) -> Result<()> {
        let answered = poll(within, || lock(&self.0.state).answered.then_some(()));
        if answered.is_none() {
            bail!("no answer to {:?} came within {within:?}", self.0.text);
        }
        Ok(())
    }

    /// Whether the step has been reached.
    pub fn is_reached(&self) -> bool {
        lock(&self.0.state).reached
    }

    /// Ends the hold.
    pub fn release(&self) {
        lock(&self.0.state).released = true;
        self.0.changed.notify_all();
    }
}

impl Drop for Step {
    /// Removes a step that was not reached.
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.reached = true;
        state.released = true;
        drop(state);
        self.0.changed.notify_all();
    }
}

impl Rule {
    /// Whether this request is the step; `earlier` are those before it in its transaction.
    fn takes(&self, request: &str, earlier: &[String]) -> bool {
        let mut state = lock(&self.state);
        let follows = |after: &String| {
            request.contains(after) || earlier.iter().any(|one| one.contains(after))
        };
        if state.reached
            || !request.contains(&self.text)
            || !self.after.as_ref().is_none_or(follows)
        {
            return false;
        }
        if state.skip > 0 {
            state.skip -= 1;
            return false;
        }
        state.reached = true;
        true
    }

    fn wait_for_release(&self) {
        let state = lock(&self.state);
        drop(
            self.changed
                .wait_while(state, |state| !state.released)
                .unwrap_or_else(PoisonError::into_inner),
        );
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        for rule in lock(&self.rules).drain(..) {
            lock(&rule.state).released = true;
            rule.changed.notify_all();
        }
    }
}

/// One connection: its reader, and the rule that stopped it.
struct Wire {
    reader: Mutex<Box<dyn Reader>>,
    stopped: Mutex<Option<Arc<Rule>>>,
}

fn join(rules: &Rules, client: TcpStream, server: TcpStream, protocol: Protocol) -> Result<()> {
    let reader: Box<dyn Reader> = match protocol {
        Protocol::MySql | Protocol::MySqlWithoutBlocks => Box::new(mysql::MySqlReader::default()),
        Protocol::Redis => Box::new(redis::RedisReader::default()),
        Protocol::Kafka => Box::new(kafka::KafkaReader::default()),
    };
    let wire = Arc::new(Wire {
        reader: Mutex::new(reader),
        stopped: Mutex::new(None),
    });
    let (to_server, to_client) = (server.try_clone()?, client.try_clone()?);
    let (rules, asking) = (rules.clone(), wire.clone());
    let alter = match protocol {
        Protocol::MySqlWithoutBlocks => mysql::spoil_blocks,
        _ => |_: &mut [u8]| {},
    };
    thread::spawn(move || ask(&rules, &asking, alter, client, to_server));
    thread::spawn(move || answer(&wire, server, to_client));
    Ok(())
}

/// Requests since the last end of a transaction, up to a bound.
#[derive(Default)]
struct Transaction(Vec<String>);

impl Transaction {
    const REQUESTS_MAX: usize = 64;

    fn note(&mut self, request: String) {
        let is_over =
            ["COMMIT", "ROLLBACK"].contains(&&*request) || request.ends_with("COMMIT; END");
        if is_over {
            self.0.clear();
        } else if self.0.len() < Self::REQUESTS_MAX {
            self.0.push(request);
        }
    }
}

/// Passes bytes from the client to the server.
fn ask(rules: &Rules, wire: &Wire, alter: fn(&mut [u8]), mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 64 * 1024];
    let mut transaction = Transaction::default();
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        alter(&mut bytes[..length]);
        let requests = lock(&wire.reader).requests(&bytes[..length]);
        let rules = lock(rules).clone();
        let rule = requests.into_iter().find_map(|request| {
            let mut rules = rules.iter();
            let rule = rules.find(|rule| rule.takes(&request, &transaction.0));
            transaction.note(request);
            rule.cloned()
        });
        let action = rule.as_ref().map(|rule| rule.action);
        if let (Some(rule), Some(Action::HoldRequest)) = (&rule, action) {
            rule.wait_for_release();
        }
        if let Some(Action::CutRequest | Action::HoldRequest) = action {
            break;
        }
        // Set before the server can answer; later requests do not change it.
        if rule.is_some() {
            lock(&wire.stopped).clone_from(&rule);
        }
        if to.write_all(&bytes[..length]).is_err() {
            break;
        }
        if let (Some(rule), Some(Action::Hold)) = (rule, action) {
            rule.wait_for_release();
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

/// Passes bytes from the server to the client.
fn answer(wire: &Wire, mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        lock(&wire.reader).replies(&bytes[..length]);
        let stopped = lock(&wire.stopped).clone();
        match stopped.as_ref().map(|rule| (rule, rule.action)) {
            Some((rule, Action::Hold)) => {
                lock(&rule.state).answered = true;
                rule.wait_for_release();
            }
            // The server has answered: the request has taken effect.
            Some(_) => break,
            None => {}
        }
        if to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_named_by_its_transaction() {
        let steps = Steps::before(1, Protocol::MySql).unwrap();
        let step = steps.at_after("INSERT", "COMMIT", Action::Hold);
        let mut transaction = Transaction::default();
        let mut sends = |request: &str| {
            let taken = step.0.takes(request, &transaction.0);
            transaction.note(request.to_owned());
            taken
        };
        let requests = [
            "INSERT INTO a",
            "ROLLBACK",
            "SELECT 1",
            "COMMIT",
            "INSERT INTO b",
        ];
        for request in requests {
            assert!(!sends(request), "{request}");
        }
        assert!(sends("COMMIT"));
        assert!(!sends("COMMIT"), "a step happens once");
    }
}
