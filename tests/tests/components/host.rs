//! A minimal host that runs requests through one function, one after the other or concurrently: wasmtime, WASI and the
//! scripted bindings.

use crate::bindings;
use crate::script::Script;
use bytes::Bytes;
use contract::api::route;
use contract::api::route::access::{self, Access};
use futures::future::try_join_all;
use http_body_util::{BodyExt, Collected, Full};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;
use tests::grpc::ROLE_HEADER;
use wasmtime::component::{Accessor, Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, ResourceLimiter, Store};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::p3::Request;
use wasmtime_wasi_http::p3::bindings::{Service, ServicePre};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Longest a request may take; scripted servers answer at once.
const DEADLINE: Duration = Duration::from_secs(20);
const LOG_BYTES_MAX: usize = 64 * 1024;
/// Default memory limit of an instance.
const MEMORY_BYTES_MAX: usize = 128 << 20;
pub const PASSWORD: &str = "not-to-be-logged";

pub struct Data {
    pub table: ResourceTable,
    pub script: Script,
    pub variables: BTreeMap<&'static str, &'static str>,
    memory: Memory,
    wasi: WasiCtx,
    http: WasiHttpCtx,
}

/// Peak memory of an instance.
#[derive(Default)]
struct Memory(usize);

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        _: usize,
        wanted: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = wanted <= MEMORY_BYTES_MAX;
        if allowed {
            self.0 = self.0.max(wanted);
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(true)
    }
}

impl WasiView for Data {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Data {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: Default::default(),
        }
    }
}

/// The head of a reply, and what follows it.
pub type Exchanged = (http::response::Parts, Collected<Bytes>);

/// The reply, and what the function logged.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: serde_json::Value,
    pub log: String,
}

impl Reply {
    /// `code` in the body.
    pub fn code(&self) -> u64 {
        self.body["code"].as_u64().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Sends a request to a function with scripted servers, and checks that the script was followed.
pub fn send(function: &str, request: http::Request<Vec<u8>>, script: &Script) -> Reply {
    send_with(function, request, script, &[])
}

/// As `send`, with some variables changed.
pub fn send_with(
    function: &str,
    request: http::Request<Vec<u8>>,
    script: &Script,
    variables: &[(&'static str, &'static str)],
) -> Reply {
    let mut replies = send_all_with(function, vec![request], script, variables);
    replies.pop().unwrap()
}

/// Sends requests one after the other to one instance of a function.
pub fn send_all(
    function: &str,
    requests: Vec<http::Request<Vec<u8>>>,
    script: &Script,
) -> Vec<Reply> {
    send_all_with(function, requests, script, &[])
}

fn send_all_with(
    function: &str,
    requests: Vec<http::Request<Vec<u8>>>,
    script: &Script,
    variables: &[(&'static str, &'static str)],
) -> Vec<Reply> {
    let mut instance = Instance::new(function, script, variables);
    let each = requests.into_iter();
    let replies = each.flat_map(|request| instance.send_together(vec![request]));
    let replies = replies.collect();
    script.check();
    replies
}

pub struct Instance {
    function: String,
    script: Script,
    runtime: tokio::runtime::Runtime,
    store: Store<Data>,
    service: Service,
    log: MemoryOutputPipe,
}

impl Instance {
    pub fn new(
        function: &str,
        script: &Script,
        changed: &[(&'static str, &'static str)],
    ) -> Instance {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        // Before the deadline starts: this may build and compile.
        let service = prepared(function).unwrap_or_else(|error| panic!("{function}: {error:?}"));
        let log = MemoryOutputPipe::new(LOG_BYTES_MAX);
        let data = Data {
            table: ResourceTable::new(),
            script: script.clone(),
            variables: variables(changed),
            memory: Memory::default(),
            wasi: WasiCtxBuilder::new().stderr(log.clone()).build(),
            http: WasiHttpCtx::new(),
        };
        let mut store = Store::new(&ENGINE, data);
        store.limiter(|data| &mut data.memory);
        let service = runtime.block_on(service.instantiate_async(&mut store));
        Instance {
            function: function.to_owned(),
            script: script.clone(),
            service: service.unwrap_or_else(|error| panic!("{function}: {error:?}")),
            runtime,
            store,
            log,
        }
    }

    /// Peak memory so far.
    pub fn memory_bytes(&self) -> usize {
        self.store.data().memory.0
    }

    /// Sends a request and returns the reply as it is, its trailers included.
    pub fn exchange(&mut self, request: http::Request<Vec<u8>>) -> Exchanged {
        self.exchange_together(vec![request]).remove(0)
    }

    fn exchange_together(&mut self, requests: Vec<http::Request<Vec<u8>>>) -> Vec<Exchanged> {
        let (function, script) = (&self.function, &self.script);
        let run = run(&mut self.store, &self.service, requests);
        let answers = self
            .runtime
            .block_on(async { tokio::time::timeout(DEADLINE, run).await })
            .unwrap_or_else(|_| panic!("no reply in time; so far: {:?}", script.steps()))
            .unwrap_or_else(|error| panic!("{function}: {error:?}; so far: {:?}", script.steps()));
        assert!(!self.log().contains(PASSWORD), "a secret in the log");
        answers
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&self.log.contents()).into_owned()
    }

    /// Sends requests concurrently and returns their replies in the same order.
    pub fn send_together(&mut self, requests: Vec<http::Request<Vec<u8>>>) -> Vec<Reply> {
        let answers = self.exchange_together(requests);
        let (function, log) = (&self.function, self.log());
        let reply = |(parts, body): Exchanged| {
            let body = body.to_bytes();
            let body = match parts.status.as_u16() {
                204 | 304 => {
                    assert!(body.is_empty() && !parts.headers.contains_key("content-type"));
                    serde_json::Value::Null
                }
                _ => serde_json::from_slice(&body)
                    .unwrap_or_else(|error| panic!("{function}: {error} in its reply")),
            };
            let reply = Reply {
                status: parts.status.as_u16(),
                headers: parts.headers,
                body,
                log: log.clone(),
            };
            let form = match reply.body.get("type") {
                Some(_) if reply.status >= 400 => "application/problem+json",
                _ => "application/json",
            };
            let media = reply.header("content-type");
            assert!(reply.body.is_null() || media == Some(form), "{reply:?}");
            reply
        };
        answers.into_iter().map(reply).collect()
    }
}

/// A JSON request. What only the staff may ask for is asked in its role.
pub fn request(method: &str, path: &str, body: impl Into<Vec<u8>>) -> http::Request<Vec<u8>> {
    let route = path.split('?').next().unwrap_or(path);
    let read = if method == "HEAD" { "GET" } else { method };
    let access = route::access(read, route).or_else(|| access::of_method(route));
    let mut request = http::Request::builder();
    if let Some(role) = access.and_then(Access::staff) {
        request = request.header(ROLE_HEADER, role.name());
    }
    request
        .header(ADDRESS.0, ADDRESS.1)
        .method(method)
        .uri(format!("http://127.0.0.1{path}"))
        .header("content-type", "application/json")
        .header(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
        .body(body.into())
        .unwrap()
}

/// The client's address, as the host of the functions gives it.
pub const ADDRESS: (&str, &str) = ("spin-client-addr", "127.0.0.1:8777");
/// The keys of access tokens, in the variables of every function.
pub const ACCESS_KEYS: &str = "tests:bm90LXRvLWJlLWxvZ2dlZC1ub3QtdG8tYmUtbG9nZ2Vk,old:bm90LXRvLWJlLWxvZ2dlZC1iZWNhdXNlLW9sZC1rZXk";

/// Machines that sign: a payment provider, a system of the back office, and one of operations.
pub const PAY: &str = "pay-1:provider:dGhlIGtleSBvZiB0aGUgcGF5bWVudCBwcm92aWRlci4";
pub const ERP: &str = "erp:admin:dGhlIGtleSBvZiB0aGUgd2FyZWhvdXNlJ3Mgc3lzdGVt";
pub const CRON: &str = "cron:ops:dGhlIGtleSBvZiB0aGUgbmlnaHRseSBvcGVyYXRpb25z";

/// The trace id of `request`.
pub const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The machines of the functions' variables.
fn machines() -> &'static str {
    static MACHINES: LazyLock<String> = LazyLock::new(|| [PAY, ERP, CRON].join(","));
    &MACHINES
}

fn variables(changed: &[(&'static str, &'static str)]) -> BTreeMap<&'static str, &'static str> {
    let mut variables = BTreeMap::from([
        (
            "mysql_urls",
            "mysql://u:not-to-be-logged@db/order_0,mysql://u:not-to-be-logged@db/order_1",
        ),
        ("inventory_url", "mysql://u:not-to-be-logged@db/inventory"),
        ("redis_url", "redis://:not-to-be-logged@cache/0"),
        ("auth_mode", "compat"),
        ("auth_keys", ACCESS_KEYS),
        ("machine_keys", machines()),
        // Only where a test is about them.
        ("user_orders_per_minute_max", "0"),
        ("address_requests_per_second_max", "0"),
    ]);
    variables.extend(changed.iter().copied());
    variables
}

/// Completes when the request's body has been sent.
type Sent = Pin<Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>>;

async fn run(
    store: &mut Store<Data>,
    service: &Service,
    requests: Vec<http::Request<Vec<u8>>>,
) -> wasmtime::Result<Vec<Exchanged>> {
    let together = async |accessor: &Accessor<Data>| {
        let each = requests.into_iter();
        try_join_all(each.map(|request| one(accessor, service, request))).await
    };
    store.run_concurrent(together).await?
}

async fn one(
    accessor: &Accessor<Data>,
    service: &Service,
    request: http::Request<Vec<u8>>,
) -> wasmtime::Result<Exchanged> {
    let request = request.map(|body| Full::new(Bytes::from(body)));
    let (request, sent) = accessor.with(|mut access| {
        let hooks = access.data_mut().http().hooks;
        let (request, sent) = Request::from_http(hooks, request);
        (request, Box::pin(sent) as Sent)
    });
    let (response, _) = tokio::join!(service.handle(accessor, request), sent);
    let response = response?.map_err(|code| wasmtime::Error::msg(format!("{code:?}")))?;
    let response = accessor.with(|access| response.into_http(access, async { Ok(()) }))?;
    let (parts, body) = response.into_parts();
    let body = body
        .collect()
        .await
        .map_err(|error| wasmtime::Error::msg(format!("{error:?}")))?;
    Ok((parts, body))
}

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    Engine::new(&config).unwrap()
});

/// The function, built and compiled once for all tests.
fn prepared(function: &str) -> wasmtime::Result<ServicePre<Data>> {
    static PREPARED: Mutex<BTreeMap<String, ServicePre<Data>>> = Mutex::new(BTreeMap::new());
    let mut prepared = PREPARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(service) = prepared.get(function) {
        return Ok(service.clone());
    }
    let wasm = stack::component::wasm(function)
        .map_err(|error| wasmtime::Error::msg(format!("{error:#}")))?;
    let component = Component::from_file(&ENGINE, wasm)?;
    let mut linker: Linker<Data> = Linker::new(&ENGINE);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    bindings::add_to_linker(&mut linker)?;
    let service = ServicePre::new(linker.instantiate_pre(&component)?)?;
    prepared.insert(function.to_owned(), service.clone());
    Ok(service)
}
