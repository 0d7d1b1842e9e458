//! The way of a request into an instance. The library behind it makes an instance whenever none is free, without a bound;
//! here one that there is no room for waits, first come first served, until an instance is free or there is room.

use crate::dispatch::Dispatch;
use crate::limits;
use crate::server::Permit;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
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

/// The entrance of one component on one thread.
pub struct Entrance {
    handler: ProxyHandler<Dispatch>,
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
        let ticket = Ticket { permit, next: None };
        // Nobody overtakes those that wait.
        if self.waiting.load(Relaxed) > 0 {
            return self.wait(ticket, request).await;
        }
        match self.offer(ticket, request).await {
            Offered::Answered(answer) => answer,
            Offered::Back(ticket, request) => self.wait(ticket, request).await,
        }
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
            match self.offer(ticket, request).await {
                Offered::Answered(answer) => return answer,
                Offered::Back(..) if Instant::now() >= deadline => {
                    return Err(NoRoom("none became free in time").into());
                }
                Offered::Back(back, again) => (ticket, request) = (back, again),
            }
            sleep(limits::INSTANCE_ROOM_PAUSE).await;
        }
    }

    async fn offer(&self, ticket: Ticket, request: Request) -> Offered {
        let error = match self.handler.handle(ticket, request).await {
            Ok(response) => return Offered::Answered(Ok(response)),
            Err(error) => error,
        };
        match error.downcast::<InstantiationError<Ticket>>() {
            Ok(back) if back.error.is::<NoRoom>() => {
                let request = back.request.into_inner();
                let request = request.unwrap_or_else(std::sync::PoisonError::into_inner);
                Offered::Back(back.request_data, request)
            }
            Ok(other) => Offered::Answered(Err(format_err!("{:#}", other.error))),
            Err(error) => Offered::Answered(Err(error)),
        }
    }
}

enum Offered {
    Answered(wasmtime::Result<Response>),
    /// No room.
    Back(Ticket, Request),
}
