//! Listening sockets: one per thread on the same address, so that the kernel spreads connections over threads.

use crate::limits;
use crate::startup::StartupError;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};

/// Binds `addresses` once per thread: result `[thread][address]`. A port 0 becomes one free port for all threads.
pub fn bind(
    addresses: &[SocketAddr],
    threads: usize,
) -> Result<Vec<Vec<TcpListener>>, StartupError> {
    let mut by_thread: Vec<Vec<TcpListener>> = (0..threads).map(|_| Vec::new()).collect();
    for address in addresses {
        let fail = |e: io::Error| StartupError::flag("--listen", format!("{address}: {e}"));
        if address.port() != 0 {
            // SO_REUSEPORT would let a second host silently take half of this one's connections.
            TcpListener::bind(address).map_err(fail)?;
        }
        let mut bound = *address;
        for listeners in &mut by_thread {
            let listener = shared(bound).map_err(fail)?;
            bound = listener.local_addr().map_err(fail)?;
            listeners.push(listener);
        }
    }
    Ok(by_thread)
}

fn shared(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(limits::ACCEPT_BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_a_port_and_others_cannot() {
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        let bound = bind(&[any], 3).unwrap();
        let address = bound[0][0].local_addr().unwrap();
        assert!(bound.iter().all(|l| l[0].local_addr().unwrap() == address));
        let error = bind(&[address], 1).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("command line: --listen: {address}: ")),
            "{error}"
        );
    }
}
