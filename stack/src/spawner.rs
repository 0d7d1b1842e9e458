//! Starts child processes from one thread that lives as long as this process. A child dies with its parent, which for
//! the kernel is the thread that forked: a test's thread ends long before the servers that it shares with others.

use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

struct Order {
    command: Command,
    reply: SyncSender<io::Result<Child>>,
}

/// Spawns `command` in its own process group, which a Ctrl-C at the terminal does not reach; it gets `on_parent_death`
/// if this process dies first.
pub(crate) fn spawn(mut command: Command, on_parent_death: Signal) -> io::Result<Child> {
    static ORDERS: OnceLock<SyncSender<Order>> = OnceLock::new();
    let parent = getpid();
    command.process_group(0);
    // SAFETY: between fork and exec only two system calls are made; nothing allocates or locks.
    unsafe { command.pre_exec(move || tie_to(parent, on_parent_death)) };
    let (reply, answer) = sync_channel(1);
    let orders = ORDERS.get_or_init(|| {
        let (sender, receiver) = sync_channel(1);
        thread::spawn(move || serve(receiver));
        sender
    });
    orders.send(Order { command, reply }).map_err(|_| gone())?;
    answer.recv().map_err(|_| gone())?
}

fn serve(orders: Receiver<Order>) {
    for mut order in orders {
        // The caller may be gone; the child then ends with this process.
        let _ = order.reply.send(order.command.spawn());
    }
}

fn tie_to(parent: Pid, signal: Signal) -> io::Result<()> {
    set_parent_process_death_signal(Some(signal))?;
    // The parent may have died before the line above took effect.
    if getppid() == Some(parent) {
        Ok(())
    } else {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

fn gone() -> io::Error {
    io::Error::other("the thread that starts processes is gone")
}
