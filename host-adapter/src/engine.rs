//! The Wasm engine: pooled instances, epochs as the clock of busy guests, compiled components kept on disk.

use crate::config::Up;
use crate::limits;
use crate::startup::StartupError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wasmtime::component::Component;
use wasmtime::{
    Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
    ProfilingStrategy,
};

/// Bytes of a returned memory slot that stay mapped, so that the next instance there starts without page faults.
const KEEP_RESIDENT_BYTES: usize = 256 * 1024;

/// The engine that all components share.
pub fn engine(up: &Up) -> Result<Engine, StartupError> {
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    config.epoch_interruption(true);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling(up)));
    if up.perf_map {
        config.profiler(ProfilingStrategy::PerfMap);
    }
    if !up.disable_cache {
        config.cache(Some(cache(up.cache_dir.as_deref())?));
    }
    Engine::new(&config).map_err(|e| StartupError::flag("--max-instances", format!("{e:#}")))
}

fn pooling(up: &Up) -> PoolingAllocationConfig {
    let instances = up.max_instances;
    let mut pool = PoolingAllocationConfig::default();
    // A Rust component has about four core instances and one memory; adapters may add a second.
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(8))
        .total_memories(instances.saturating_mul(2))
        .total_tables(instances.saturating_mul(8))
        .total_stacks(instances.saturating_mul(4))
        .max_memories_per_component(4)
        .max_tables_per_component(16)
        .max_core_instances_per_component(32)
        .max_memory_size(up.max_instance_memory)
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .table_keep_resident(16 * 1024)
        .max_unused_warm_slots(instances);
    pool
}

fn cache(folder: Option<&Path>) -> Result<Cache, StartupError> {
    let mut config = CacheConfig::new();
    if let Some(folder) = folder {
        let absolute = std::path::absolute(folder).unwrap_or_else(|_| PathBuf::from(folder));
        config.with_directory(absolute);
    }
    Cache::new(config).map_err(|e| StartupError::flag("--cache-dir", format!("{e:#}")))
}

/// Compiles the component in `file`, or takes it from the cache. `key` names it in an error.
pub fn compile(
    engine: &Engine,
    manifest: &Path,
    key: &str,
    file: &Path,
) -> Result<Component, StartupError> {
    Component::from_file(engine, file)
        .map_err(|e| StartupError::new(manifest, key, format!("{}: {e:#}", file.display())))
}

/// Advances the engine's epoch until dropped.
#[derive(Debug)]
pub struct EpochClock(Arc<AtomicBool>);

impl EpochClock {
    /// Starts the thread.
    pub fn start(engine: &Engine) -> Result<Self, StartupError> {
        let stop = Arc::new(AtomicBool::new(false));
        let (engine, stopped) = (engine.weak(), stop.clone());
        std::thread::Builder::new()
            .name("epoch".to_owned())
            .spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    std::thread::sleep(limits::EPOCH_TICK);
                    match engine.upgrade() {
                        Some(engine) => engine.increment_epoch(),
                        None => break,
                    }
                }
            })
            .map_err(|e| StartupError::flag("threads", e))?;
        Ok(Self(stop))
    }
}

impl Drop for EpochClock {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
