//! Where a proxy lets clients in to a server of this machine: it accepts, connects, and closes everything when it goes.

use anyhow::Result;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// The listening side of a proxy. Its threads end with their connections.
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

    /// Both ends are closed with the door.
    fn enter(&self, client: &TcpStream, server: &TcpStream) -> Result<()> {
        for stream in [client, server] {
            stream.set_nodelay(true)?;
            self.open().push(stream.try_clone()?);
        }
        Ok(())
    }
}

impl Door {
    /// Before the server on `target` of 127.0.0.1; `join` starts what passes bytes between a client and the server.
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

    /// Connections end, new ones work.
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
