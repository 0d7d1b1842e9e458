//! A TCP proxy that cuts one client off from a server, silently as a broken network does, and connects it again.

use anyhow::Result;
use stack::door::Door;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

/// The proxy; its threads end with their connections.
pub struct Proxy {
    door: Door,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    stalled: Mutex<bool>,
    changed: Condvar,
}

impl State {
    /// Blocks while the proxy is stalled.
    fn pass(&self) {
        let stalled = self.stalled.lock().unwrap_or_else(PoisonError::into_inner);
        drop(
            self.changed
                .wait_while(stalled, |stalled| *stalled)
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    fn set(&self, stalled: bool) {
        *self.stalled.lock().unwrap_or_else(PoisonError::into_inner) = stalled;
        self.changed.notify_all();
    }
}

impl Proxy {
    /// Starts a proxy to port `target` of 127.0.0.1.
    ///
    /// # Errors
    /// Where no port is free.
    pub fn start(target: u16) -> Result<Proxy> {
        let state = Arc::new(State::default());
        let passing = state.clone();
        let door = Door::before(target, move |client, server| join(&passing, client, server))?;
        Ok(Proxy { door, state })
    }

    pub fn port(&self) -> u16 {
        self.door.port()
    }

    /// Blocks all bytes in both directions; connections stay open.
    pub fn stall(&self) {
        self.state.set(true);
    }

    /// Closes all connections; new ones work.
    pub fn mend(&self) {
        self.door.close_connections();
        self.state.set(false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.mend();
    }
}

fn join(state: &Arc<State>, client: TcpStream, server: TcpStream) -> Result<()> {
    for (from, to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
        let state = state.clone();
        thread::spawn(move || pump(&state, from, to));
    }
    Ok(())
}

fn pump(state: &State, mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        state.pass();
        if to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
