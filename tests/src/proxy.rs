//! A TCP proxy before a server, to take the server away from one of its clients alone: silently, as a broken network
//! does, and back.

use anyhow::Result;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

/// The proxy; its threads end with their connections.
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    stalled: Mutex<bool>,
    changed: Condvar,
    over: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl State {
    /// Returns when bytes may pass.
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

    fn close(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Proxy {
    /// Before the server on `target` of 127.0.0.1.
    ///
    /// # Errors
    /// Where no port is free.
    pub fn start(target: u16) -> Result<Proxy> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(State::default());
        let accepting = state.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                if accepting.over.load(Ordering::SeqCst) {
                    return;
                }
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, target));
                if let (Ok(client), Ok(server)) = (client, TcpStream::connect(address)) {
                    let _ = join(&accepting, client, server);
                }
            }
        });
        Ok(Proxy { port, state })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on no byte passes, in either direction, and no connection ends.
    pub fn stall(&self) {
        self.state.set(true);
    }

    /// Connections end, new ones work.
    pub fn mend(&self) {
        self.state.close();
        self.state.set(false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        self.mend();
        // Wakes the listener.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn join(state: &Arc<State>, client: TcpStream, server: TcpStream) -> Result<()> {
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    let ends = [client.try_clone()?, server.try_clone()?];
    let mut open = state.open.lock().unwrap_or_else(PoisonError::into_inner);
    open.extend(ends);
    drop(open);
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
