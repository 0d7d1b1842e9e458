//! The way of a request into an instance. The library behind it makes an instance whenever none is free, without a
//! bound; here one that there is no room for waits, first come first served, until an instance is free or there is
//! room.
//!
//! The library also wakes one instance for each request, and it may be one that takes no more: one whose request is
//! late stays among those to be woken. The request is left in the queue then, while others are free. [`Flow`] finds
//! that out.

use crate::dispatch::Dispatch;
use crate::limits;
use crate::server::Permit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, sleep, timeout_at};
use wasmtime::format_err;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::{InstantiationError, ProxyHandler};

type Request = http::Request<WasiBody>;
type Response = http::Response<WasiBody>;

/// Why no instance was made: there are as many as there may be, or they have what memory there is.
#[derive(Debug, thiserror::Error)]
#[error("no room for a further instance: {0}")]
pub struct NoRoom(pub &'static str);

/// Requests on their way into the instances of one component on one thread.
#[derive(Debug, Default)]
pub struct Flow {
    /// Offered, and not taken yet.
    offered: AtomicUsize,
    taken: AtomicUsize,
    stuck: AtomicBool,
}

impl Flow {
    /// Looks whether any request was taken since the last look, which `seen` is of. Says whether it was found just now
    /// that none was although some are offered.
    pub fn look(&self, seen: &mut usize) -> bool {
        let taken = self.taken.load(Relaxed);
        let stuck = self.offered.load(Relaxed) > 0 && taken == *seen;
        *seen = taken;
        !self.stuck.swap(stuck, Relaxed) && stuck
    }

    /// Requests are offered and nobody takes them: while this is so all instances but new ones say that they take no
    /// more, upon which the library makes another, and that one looks into the queue.
    pub fn is_stuck(&self) -> bool {
        self.stuck.load(Relaxed)
    }
}

/// An offered request.
struct Offer(Arc<Flow>);

impl Offer {
    fn new(flow: &Arc<Flow>) -> Self {
        flow.offered.fetch_add(1, Relaxed);
        Self(flow.clone())
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        self.0.offered.fetch_sub(1, Relaxed);
        self.0.taken.fetch_add(1, Relaxed);
        if self.0.stuck.load(Relaxed) {
            self.0.stuck.store(false, Relaxed);
        }
    }
}

/// The entrance of one component on one thread.
pub struct Entrance {
    handler: ProxyHandler<Dispatch>,
    flow: Arc<Flow>,
    /// Held by the first of those that wait.
    next: Arc<Mutex<()>>,
    waiting: Arc<AtomicUsize>,
    /// How long one waits.
    limit: Duration,
}

/// What goes into an instance with a request.
pub struct Ticket {
    permit: Arc<Permit>,
    /// Until an instance takes the request.
    next: Option<Next>,
    offer: Option<Offer>,
}

/// The first place of those that wait.
struct Next {
    _guard: OwnedMutexGuard<()>,
    _waiting: Waiting,
}

struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Ticket {
    /// The permit, when an instance has taken the request: others may try.
    pub fn admit(self) -> Arc<Permit> {
        self.permit
    }
}

impl Entrance {
    /// To the instances of `dispatch`; nobody waits for longer than `limit`.
    pub fn new(dispatch: Dispatch, limit: Duration) -> Self {
        Self {
            flow: dispatch.flow.clone(),
            handler: ProxyHandler::new(dispatch),
            next: Arc::default(),
            waiting: Arc::default(),
            limit,
        }
    }

    /// The component's answer.
    ///
    /// # Errors
    /// [`NoRoom`] after a long wait, or what the instance or making it failed with.
    pub async fn handle(
        &self,
        permit: Arc<Permit>,
        request: Request,
    ) -> wasmtime::Result<Response> {
        let ticket = Ticket {
            permit,
            next: None,
            offer: None,
        };
        // Nobody overtakes those that wait.
        let (ticket, request) = match self.waiting.load(Relaxed) {
            0 => match self.handler.handle(self.offered(ticket), request).await {
                Ok(response) => return Ok(response),
                Err(error) => given_back(error)?,
            },
            _ => (ticket, request),
        };
        Box::pin(self.wait(ticket, request)).await
    }

    async fn wait(&self, mut ticket: Ticket, mut request: Request) -> wasmtime::Result<Response> {
        let deadline = Instant::now() + self.limit;
        let waiting = Waiting::new(&self.waiting);
        let guard = timeout_at(deadline, self.next.clone().lock_owned()).await;
        let guard = guard.map_err(|_| NoRoom("too many wait for one"))?;
        ticket.next = Some(Next {
            _guard: guard,
            _waiting: waiting,
        });
        loop {
            match self.handler.handle(self.offered(ticket), request).await {
                Ok(response) => return Ok(response),
                Err(error) => (ticket, request) = given_back(error)?,
            }
            if Instant::now() >= deadline {
                return Err(NoRoom("none became free in time").into());
            }
            sleep(limits::INSTANCE_ROOM_PAUSE).await;
        }
    }

    fn offered(&self, mut ticket: Ticket) -> Ticket {
        ticket.offer = Some(Offer::new(&self.flow));
        ticket
    }
}

/// A request that there was no room for, or why it failed.
fn given_back(error: wasmtime::Error) -> wasmtime::Result<(Ticket, Request)> {
    let back = error.downcast::<InstantiationError<Ticket>>()?;
    if !back.error.is::<NoRoom>() {
        return Err(format_err!("{:#}", back.error));
    }
    let mut ticket = back.request_data;
    ticket.offer = None;
    let request = back.request.into_inner();
    let request = request.unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok((ticket, request))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_nobody_takes_are_found() {
        let (flow, mut seen) = (Arc::new(Flow::default()), 0);
        assert!(!flow.look(&mut seen), "nothing is offered");
        let (first, second) = (Offer::new(&flow), Offer::new(&flow));
        assert!(flow.look(&mut seen) && flow.is_stuck());
        assert!(!flow.look(&mut seen) && flow.is_stuck(), "known already");
        drop(first);
        assert!(!flow.is_stuck(), "one was taken");
        assert!(!flow.look(&mut seen) && !flow.is_stuck());
        assert!(flow.look(&mut seen), "and then no other");
        drop(second);
        assert!(!flow.look(&mut seen) && !flow.is_stuck());
    }
}
