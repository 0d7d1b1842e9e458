//! The state of one component instance: its WASI, its resources, and what it may reach on its thread.

use crate::application::Guest;
use crate::bindings::spin::variables::variables;
use crate::guest_log::{Allowance, GuestLog};
use crate::guest_memory::{Bounds, Memory};
use crate::metrics::ComponentMetrics;
use crate::outbound::OutboundHttp;
use crate::pacer::Busy;
use crate::server::Permit;
use pools::{mysql, redis};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use wasmtime::component::{HasData, ResourceTable};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// What the instances of one component on one thread share.
#[derive(Debug)]
pub struct Reach {
    /// The component.
    pub guest: Arc<Guest>,
    /// Its databases.
    pub mysql: mysql::Access,
    /// Its Redis links.
    pub redis: redis::Access,
    /// Its metrics.
    pub metrics: Arc<ComponentMetrics>,
    /// Its allowance of log lines.
    pub prints: Arc<Allowance>,
    /// Whether the thread has served its last request. What instances it still has then are dropped with it.
    pub thread_is_done: Arc<AtomicBool>,
}

/// The data of a store.
pub struct Instance {
    /// Resources that the guest holds.
    pub table: ResourceTable,
    /// See [`Reach`].
    pub reach: Arc<Reach>,
    /// Its linear memory.
    pub memory: Memory,
    /// How long it has kept its thread busy since its last request came.
    pub busy: Busy,
    /// Requests that go on in it although they timed out.
    pub late: Late,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: OutboundHttp,
}

impl Instance {
    /// Fresh state. Fails if a mounted folder is gone.
    pub fn new(reach: &Arc<Reach>, memory: &Bounds) -> wasmtime::Result<Self> {
        let guest = &reach.guest;
        let mut wasi = WasiCtxBuilder::new();
        wasi.envs(&guest.environment);
        if !guest.quiet {
            wasi.stdout(GuestLog::new(&guest.id, false, reach.prints.clone()));
            wasi.stderr(GuestLog::new(&guest.id, true, reach.prints.clone()));
        }
        for (folder, path) in &guest.mounts {
            wasi.preopened_dir(folder, path, FsPerms::ReadOnly)?;
        }
        Ok(Self {
            table: ResourceTable::new(),
            reach: reach.clone(),
            memory: Memory::new(memory.clone()),
            busy: Busy::begin(),
            late: Late::default(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            outbound: OutboundHttp(guest.clone()),
        })
    }
}

/// Permits of requests that timed out, held for as long as their instance lives.
#[derive(Clone, Default)]
pub struct Late(Arc<Mutex<Vec<Arc<Permit>>>>);

impl Late {
    /// Holds one more.
    pub fn keep(&self, permit: Arc<Permit>) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.push(permit);
    }
}

impl WasiView for Instance {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Instance {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.outbound,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

/// Gives the bindings of `spin:variables` their state.
pub struct VariablesHost;

impl HasData for VariablesHost {
    type Data<'a> = &'a mut Instance;
}

impl variables::Host for Instance {}

impl<T: Send> variables::HostWithStore<T> for VariablesHost {
    async fn get(
        accessor: &wasmtime::component::Accessor<T, Self>,
        name: String,
    ) -> wasmtime::Result<Result<String, variables::Error>> {
        if let Err(reason) = crate::variables::check_name(&name) {
            return Ok(Err(variables::Error::InvalidName(reason)));
        }
        Ok(accessor.with(|mut access| {
            let guest = &access.get().reach.guest;
            guest
                .variables
                .get(&name)
                .map(str::to_owned)
                .ok_or_else(|| {
                    variables::Error::Undefined(format!("no variable for {:?}.{name:?}", guest.id))
                })
        }))
    }
}
