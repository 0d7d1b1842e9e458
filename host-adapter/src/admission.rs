//! Admission of requests to instances. The library behind it makes an instance whenever none is free, without a bound;
//! here a request without room waits, first come first served, until an instance is free or may be made. Before that, a
//! request to a component that its manifest bounds waits for a slot.
//!
//! The library also wakes one instance for each request, possibly one that takes no more, as its own request is late.
//! Then the request is left in the queue while other instances are free. [`Flow`] detects that.

use crate::dispatch::Dispatch;
use crate::limits;
use crate::server::Permit;
use crate::server::slots::Slots;
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

/// Why no instance was made: there are as many as are allowed, or they have all the memory.
#[derive(Debug, thiserror::Error)]
#[error("no room for a further instance: {0}")]
pub struct NoRoom(pub &'static str);

/// Requests on their way to the instances of one component on one thread.
#[derive(Debug, Default)]
pub struct Flow {
    /// Requests offered and not taken yet.
    offered: AtomicUsize,
    taken: AtomicUsize,
    stuck: AtomicBool,
}

impl Flow {
    /// Checks whether any request was taken since the caller's last check, whose count is in `seen`. True where this
    /// check is the first to find that none was, although some are offered.
    pub fn look(&self, seen: &mut usize) -> bool {
        let taken = self.taken.load(Relaxed);
        let stuck = self.offered.load(Relaxed) > 0 && taken == *seen;
        *seen = taken;
        !self.stuck.swap(stuck, Relaxed) && stuck
    }

    /// Whether requests are offered and not taken. Meanwhile all instances but new ones refuse requests; so the library
    /// makes another, which takes them from the queue.
    pub fn is_stuck(&self) -> bool {
        self.stuck.load(Relaxed)
    }
}

/// An offered request, taken when dropped.
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
    /// `None` where only the flags bound its requests.
    slots: Option<Arc<Slots>>,
    flow: Arc<Flow>,
    /// Held by the first request that waits.
    next: Arc<Mutex<()>>,
    waiting: Arc<AtomicUsize>,
    /// How long a request waits.
    limit: Duration,
}

/// What is handed to an instance with a request.
pub struct Ticket {
    permit: Arc<Permit>,
    /// Held until an instance takes the request.
    next: Option<Next>,
    offer: Option<Offer>,
}

/// The first place among the requests that wait.
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
    /// The permit, when an instance has taken the request; the next may try.
    pub fn admit(self) -> Arc<Permit> {
        self.permit
    }
}

impl Entrance {
    /// The entrance to the instances of `dispatch`; a request waits for at most `limit`.
    pub fn new(dispatch: Dispatch, slots: Option<Arc<Slots>>, limit: Duration) -> Self {
        Self {
            slots,
            flow: dispatch.flow.clone(),
            handler: ProxyHandler::new(dispatch),
            next: Arc::default(),
            waiting: Arc::default(),
            limit,
        }
    }

    /// Whether its component has slots, which are too few for requests that are still being sent.
    pub fn has_slots(&self) -> bool {
        self.slots.is_some()
    }

    /// The component's answer.
    ///
    /// # Errors
    /// [`Crowded`](crate::server::slots::Crowded) or [`NoRoom`] after a long wait, or the error of the instance or of
    /// making it.
    pub async fn handle(
        &self,
        permit: Arc<Permit>,
        request: Request,
    ) -> wasmtime::Result<Response> {
        let deadline = match &self.slots {
            Some(slots) => {
                let deadline = Instant::now() + self.limit;
                permit.keep(Box::pin(slots.take(deadline)).await?);
                Some(deadline)
            }
            None => None,
        };
        let ticket = Ticket {
            permit,
            next: None,
            offer: None,
        };
        // No request overtakes those that wait.
        let (ticket, request) = match self.waiting.load(Relaxed) {
            0 => match self.handler.handle(self.offered(ticket), request).await {
                Ok(response) => return Ok(response),
                Err(error) => given_back(error)?,
            },
            _ => (ticket, request),
        };
        let deadline = deadline.unwrap_or_else(|| Instant::now() + self.limit);
        Box::pin(self.wait(ticket, request, deadline)).await
    }

    async fn wait(
        &self,
        mut ticket: Ticket,
        mut request: Request,
        deadline: Instant,
    ) -> wasmtime::Result<Response> {
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

/// The request back if there was no room for it, or why it failed.
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
