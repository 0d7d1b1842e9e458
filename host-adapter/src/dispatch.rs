//! How many requests an instance gets, how long it may take, how long it may keep its thread busy, and when it is
//! dropped: the policy behind `ProxyHandler`. An instance that trapped takes no further request; the others go on.

use crate::admission::{Flow, NoRoom, Ticket};
use crate::config::{Span, Up};
use crate::guest_memory::{Bounds, Memory, Refused};
use crate::limits;
use crate::manifest::Bounds as OwnBounds;
use crate::pacer::{Met, Pacer, Run};
use crate::store::{Instance, Reach};
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant as StdInstant};
use tokio::sync::Semaphore;
use tokio::time::{Instant as TokioInstant, Sleep, sleep, timeout};
use wasmtime::component::GuestTaskId;
use wasmtime::{Engine, Store, StoreContextMut, UpdateDeadline, format_err};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance as Worker, Proxy, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState,
    WorkerStatus,
};

/// The memory that an instance would need is in use.
const NO_MEMORY: NoRoom = NoRoom("others have what --max-guest-memory leaves it");

/// When an instance is replaced.
#[derive(Debug, Clone)]
pub struct Reuse {
    requests: Span<usize>,
    /// What the manifest allows of them.
    requests_max: usize,
    concurrent: Span<usize>,
    request_timeout: Span<Duration>,
    idle_timeout: Span<Duration>,
    /// How long an instance may keep its thread busy, counted from its last request.
    cpu_time: Duration,
}

impl Reuse {
    /// The policy for a component with these bounds; `p2` for one of WASI 0.2, which serves one request at a time, and
    /// one in all by default. What the manifest says replaces the default; a flag can only lower it.
    pub fn new(up: &Up, bounds: OwnBounds, p2: bool) -> Self {
        let (requests, concurrent) = match p2 {
            true => (1, 1),
            false => (
                limits::INSTANCE_REUSE_COUNT,
                limits::INSTANCE_CONCURRENT_REUSE_COUNT,
            ),
        };
        let own = bounds.instance_requests_max.map(NonZeroUsize::get);
        let requests = Span::Value(own.unwrap_or(requests));
        Self {
            requests: up.max_instance_reuse_count.unwrap_or(requests),
            requests_max: own.unwrap_or(usize::MAX),
            concurrent: match p2 {
                true => Span::Value(1),
                false => up
                    .max_instance_concurrent_reuse_count
                    .unwrap_or(Span::Value(concurrent)),
            },
            request_timeout: up
                .request_timeout
                .unwrap_or(Span::Value(limits::REQUEST_TIMEOUT)),
            idle_timeout: up.idle_instance_timeout,
            cpu_time: up.request_cpu_time,
        }
    }

    /// How many requests the next instance serves.
    fn requests_max(&self) -> usize {
        self.requests.draw().min(self.requests_max)
    }
}

/// A bound on the instances of one component, over all threads.
#[derive(Debug)]
pub struct Share {
    taken: AtomicUsize,
    max: usize,
}

impl Share {
    /// At most `max`.
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            taken: AtomicUsize::new(0),
            max,
        })
    }

    fn take(self: &Arc<Self>) -> wasmtime::Result<Part> {
        if self.taken.fetch_add(1, Ordering::Relaxed) >= self.max {
            self.taken.fetch_sub(1, Ordering::Relaxed);
            return Err(NoRoom("the component has its share of --max-instances").into());
        }
        Ok(Part(self.clone()))
    }
}

/// An instance's part of a share, given back when dropped.
#[derive(Debug)]
struct Part(Arc<Share>);

impl Drop for Part {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One component on one thread.
pub struct Dispatch {
    /// The engine.
    pub engine: Engine,
    /// The component, linked.
    pub pre: ProxyPre<Instance>,
    /// State that its instances share.
    pub reach: Arc<Reach>,
    /// See [`Reuse`].
    pub reuse: Reuse,
    /// Turns of the thread's busy guests.
    pub pacer: Arc<Pacer>,
    /// Bound on its instances over all threads.
    pub share: Arc<Share>,
    /// Bounds on the memory of its instances.
    pub memory: Bounds,
    /// Bytes that the last instance had when it was made; 0 before the first.
    pub initial_bytes: AtomicUsize,
    /// Requests on their way to its instances.
    pub flow: Arc<Flow>,
    /// One permit per instance that may be made at a time.
    pub making: Semaphore,
}

impl HandlerState for Dispatch {
    type StoreData = Instance;
    type WorkerExpiration = Expiration;
    type WorkerState = Policy;

    async fn instantiate(&self) -> wasmtime::Result<Worker<Instance, Expiration, Policy>> {
        let part = self.share.take()?;
        let data = Instance::new(&self.reach, &self.memory)?;
        let mut store = Store::new(&self.engine, data);
        store.limiter(|instance| &mut instance.memory);
        store.set_epoch_deadline(1);
        let (pacer, cpu_time) = (self.pacer.clone(), self.reuse.cpu_time);
        store.epoch_deadline_callback(move |mut context| {
            let busy = &mut context.data_mut().busy;
            match busy.met(cpu_time, pacer.is_waited_for()) {
                Met::GoOn => Ok(UpdateDeadline::Continue(1)),
                Met::Wait => {
                    let turn = pacer.turn(busy.run());
                    Ok(UpdateDeadline::YieldCustom(1, Box::pin(turn)))
                }
                Met::Over => Err(format_err!("the guest was busy for more than {cpu_time:?}")),
            }
        });
        let run = store.data().busy.run().clone();
        let made = self.make(&mut store).await;
        let proxy = made.map_err(|error| match store.data().memory.refused() {
            // Only for now: others have the memory.
            Some(Refused::Component | Refused::Process) => NO_MEMORY.into(),
            _ => explained(error, &store.data().memory),
        })?;
        let metrics = &self.reach.metrics;
        metrics.instances_started.inc();
        metrics.instances.inc();
        let request_timeout = self.reuse.request_timeout.draw();
        Ok(Worker {
            store,
            proxy,
            view: WasiHttpView::http,
            expiration: Expiration::new(
                request_timeout,
                self.reuse.idle_timeout.draw(),
                run,
                self.flow.clone(),
            ),
            state: Policy {
                _part: part,
                memory: self.memory.clone(),
                flow: self.flow.clone(),
                reach: self.reach.clone(),
                requests_max: self.reuse.requests_max(),
                concurrent_max: self.reuse.concurrent.draw(),
                request_timeout,
            },
        })
    }
}

impl Dispatch {
    /// Instantiates the component, few at a time and within a deadline, as its start functions may do anything.
    async fn make(&self, store: &mut Store<Instance>) -> wasmtime::Result<Proxy> {
        let making = async {
            let _turn = self.making.acquire().await?;
            if !self
                .memory
                .has_room(self.initial_bytes.load(Ordering::Relaxed))
            {
                return Err(NO_MEMORY.into());
            }
            store.data().busy.run().goes_on();
            self.pre.instantiate_async(&mut *store).await
        };
        let late = |_| format_err!("making an instance took too long");
        let proxy = timeout(limits::INSTANTIATION_TIMEOUT, making)
            .await
            .map_err(late)??;
        let bytes = store.data().memory.bytes();
        self.initial_bytes.store(bytes, Ordering::Relaxed);
        Ok(proxy)
    }
}

/// Adds to a guest's error that it was refused memory, where it was.
fn explained(error: wasmtime::Error, memory: &Memory) -> wasmtime::Error {
    match memory.refused() {
        Some(refused) => error.context(format!("the guest asked for {refused}")),
        None => error,
    }
}

/// How many requests one instance takes.
pub struct Policy {
    _part: Part,
    memory: Bounds,
    flow: Arc<Flow>,
    reach: Arc<Reach>,
    requests_max: usize,
    concurrent_max: usize,
    request_timeout: Duration,
}

impl WorkerState for Policy {
    type StoreData = Instance;
    type RequestData = Ticket;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        // An instance gives memory back only when it is dropped.
        if total >= self.requests_max || total > 0 && self.memory.is_short() {
            ShouldAccept::Never
        } else if concurrent >= self.concurrent_max || total > 0 && self.flow.is_stuck() {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        mut store: StoreContextMut<'_, Instance>,
        ticket: Ticket,
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        let permit = ticket.admit();
        let instance = store.data_mut();
        instance.busy.forget();
        let (late, run) = (instance.late.clone(), instance.busy.run().clone());
        let limit = self.request_timeout;
        Box::pin(async move {
            sleep(limit).await;
            // The guest goes on with the request until the instance is dropped, even if nobody waits for the reply.
            late.keep(permit);
            run.rouse();
        })
    }

    fn drop(&self, store: Store<Instance>, result: Result<(), wasmtime::Error>) {
        let result = result.map_err(|error| explained(error, &store.data().memory));
        drop(store);
        self.reach.metrics.instances.dec();
        // The library has an error for an instance that is dropped with its thread, too.
        let is_dropped = self.reach.thread_is_done.load(Ordering::Relaxed);
        if let Some(error) = result.err().filter(|_| !is_dropped) {
            self.reach.metrics.traps.inc();
            tracing::error!(
                component = self.reach.guest.id,
                error = format!("{error:#}"),
                "an instance was lost"
            );
        }
    }
}

/// Expires an instance that has been idle for long, or whose request is late. Its timer is set at most once per period
/// instead of at every change of state, as those come with each request.
///
/// The period is short because of requests that are left in the queue, see [`Flow`].
pub struct Expiration {
    request_timeout: Duration,
    idle_timeout: Duration,
    timer: Pin<Box<Sleep>>,
    run: Arc<Run>,
    flow: Arc<Flow>,
    /// The flow's count at the last check.
    seen: usize,
}

impl Expiration {
    fn new(
        request_timeout: Duration,
        idle_timeout: Duration,
        run: Arc<Run>,
        flow: Arc<Flow>,
    ) -> Self {
        let first = limits::INSTANCE_LOOK_EVERY.min(request_timeout.min(idle_timeout));
        Self {
            request_timeout,
            idle_timeout,
            timer: Box::pin(sleep(first)),
            run,
            flow,
            seen: 0,
        }
    }
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: WorkerStatus,
        since: StdInstant,
    ) -> Poll<()> {
        let this = &mut *self;
        // The library polls this whenever everything in its guest waits.
        this.run.rests();
        if this.run.is_roused() {
            cx.waker().wake_by_ref();
        }
        let allowed = match status {
            WorkerStatus::Idle => this.idle_timeout,
            // Each request has its own deadline, which ends in a 504; this one is for guests that keep their thread
            // busy.
            WorkerStatus::Requests => this.request_timeout + 2 * limits::INSTANCE_LOOK_EVERY,
            WorkerStatus::PostReturn => this.request_timeout,
        };
        loop {
            if this.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let Some(left) = allowed
                .checked_sub(since.elapsed())
                .filter(|left| !left.is_zero())
            else {
                return Poll::Ready(());
            };
            if this.flow.look(&mut this.seen) {
                cx.waker().wake_by_ref();
            }
            let next = left.min(limits::INSTANCE_LOOK_EVERY);
            this.timer.as_mut().reset(TokioInstant::now() + next);
        }
    }
}
