//! The interfaces a component may import, and which of the two HTTP handlers it exports.

use crate::bindings::spin::{mysql::mysql, redis::redis, variables::variables};
use crate::mysql::MysqlHost;
use crate::redis::RedisHost;
use crate::reply;
use crate::store::{Instance, VariablesHost};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};
use wasmtime_wasi_http::handler::ProxyPre;
use wasmtime_wasi_http::{p2, p3};

/// Prefix of the HTTP handler that a WASI 0.3 component exports.
const HANDLER_P3: &str = "wasi:http/handler@0.3";
/// Prefix of the HTTP handler that a WASI 0.2 component exports.
const HANDLER_P2: &str = "wasi:http/incoming-handler@0.2";

/// A linker with everything the host offers.
pub fn linker(engine: &Engine) -> wasmtime::Result<Linker<Instance>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    p2::add_only_http_to_linker_async(&mut linker)?;
    p3::add_to_linker(&mut linker)?;
    reply::add_to_linker(&mut linker)?;
    mysql::add_to_linker::<Instance, MysqlHost>(&mut linker, |instance| instance)?;
    redis::add_to_linker::<Instance, RedisHost>(&mut linker, |instance| instance)?;
    variables::add_to_linker::<Instance, VariablesHost>(&mut linker, |instance| instance)?;
    Ok(linker)
}

/// Checks `component` against the linker. The error says which import is not offered, or that it handles no HTTP.
pub fn prepare(
    linker: &Linker<Instance>,
    component: &Component,
) -> Result<ProxyPre<Instance>, String> {
    let engine = linker.engine();
    let exports = |prefix: &str| {
        component
            .component_type()
            .exports(engine)
            .any(|(name, _)| name.starts_with(prefix))
    };
    let (p3, p2) = (exports(HANDLER_P3), exports(HANDLER_P2));
    let pre = linker
        .instantiate_pre(component)
        .map_err(|e| format!("{e:#}"))?;
    let made = if p3 {
        p3::bindings::ServicePre::new(pre).map(ProxyPre::P3)
    } else if p2 {
        p2::bindings::ProxyPre::new(pre).map(ProxyPre::P2)
    } else {
        return Err(format!("exports neither {HANDLER_P3} nor {HANDLER_P2}"));
    };
    made.map_err(|e| format!("{e:#}"))
}
