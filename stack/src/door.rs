//! The listening side of a proxy before a server on this machine: it accepts clients, connects them, and closes
//! everything when it is dropped.

use anyhow::Result;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// A listening socket. Its threads end with their connections.
pub struct Door {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    over: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers both ends, to close them with the door.
    fn enter(&self, client: &TcpStream, server: &TcpStream) -> Result<()> {
        // Ended connections have no peer. Each would keep a file open for as long as the door exists.
        self.open().retain(|stream| stream.peer_addr().is_ok());
        for stream in [client, server] {
            stream.set_nodelay(true)?;
            self.open().push(stream.try_clone()?);
        }
        Ok(())
    }
}

impl Door {
    /// A door before the server on port `target` of 127.0.0.1; `join` starts the threads that pass bytes between a
    /// client and the server.
    ///
    /// # Errors
    /// Where no port is free.
    pub fn before(
        target: u16,
        join: impl Fn(TcpStream, TcpStream) -> Result<()> + Send + 'static,
    ) -> Result<Door> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::default());
        let accepting = shared.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                if accepting.over.load(Ordering::SeqCst) {
                    return;
                }
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, target));
                if let (Ok(client), Ok(server)) = (client, TcpStream::connect(address))
                    && accepting.enter(&client, &server).is_ok()
                {
                    let _ = join(client, server);
                }
            }
        });
        Ok(Door { port, shared })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Closes all connections; new ones are still accepted.
    pub fn close_connections(&self) {
        for stream in self.shared.open().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        self.close_connections();
        // Wakes the listener.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::wait_for;
    use std::io::Read;
    use std::time::Duration;

    #[test]
    fn connections_that_ended_are_forgotten() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let target = server.local_addr().unwrap().port();
        let door = Door::before(target, |client, server| {
            client.shutdown(Shutdown::Both)?;
            Ok(server.shutdown(Shutdown::Both)?)
        })
        .unwrap();
        let visit = || {
            let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, door.port())).unwrap();
            assert_eq!(client.read(&mut [0]).unwrap(), 0);
        };
        for _ in 0..20 {
            visit();
            drop(server.accept().unwrap());
        }
        wait_for(Duration::from_secs(5), "few files", || {
            visit();
            drop(server.accept().unwrap());
            // Those of the last client may still be ending.
            door.shared.open().len() <= 4
        })
        .unwrap();
    }
}
