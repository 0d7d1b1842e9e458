//! A real Elasticsearch node, security off, on 127.0.0.1 only.

use crate::home::Home;
use crate::jars;
use crate::kafka::JVM;
use crate::port::free_port;
use crate::process::{Launch, Process};
use anyhow::{Result, ensure};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A running Elasticsearch node.
pub struct Elasticsearch {
    /// To pause, kill or restart it.
    pub process: Process,
    port: u16,
}

impl Elasticsearch {
    /// Starts one on `port` of 127.0.0.1, or on a free one, with its data in `home`. It is downloaded the first time.
    ///
    /// # Errors
    /// When Java or Maven is missing, or it does not get ready.
    pub fn start(home: &Home, port: Option<u16>) -> Result<Self> {
        let port = port.map_or_else(free_port, Ok)?;
        let (java, program) = (jars::java()?, jars::elasticsearch()?);
        let dir = home.dir("elasticsearch")?;
        let config = dir.join("config");
        for folder in [&config, &dir.join("tmp")] {
            fs::create_dir_all(folder)?;
        }
        fs::write(config.join("elasticsearch.yml"), configuration(port, &dir))?;
        fs::write(config.join("log4j2.properties"), LOGGING)?;
        let process = Launch::new(home, "elasticsearch", java)?
            .args(JVM)
            .args(flags(&program, &dir))
            .args(["org.elasticsearch.bootstrap.Elasticsearch"])
            .env("LIBFFI_TMPDIR", dir.join("tmp"))
            .ready(Duration::from_secs(90), move || healthy(port))
            .start()?;
        Ok(Self { process, port })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Logs errors only, and none about the native library, which is left out on purpose.
const LOGGING: &str = "status = error\n\
    appender.console.type = Console\n\
    appender.console.name = console\n\
    appender.console.layout.type = PatternLayout\n\
    appender.console.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}] %m%n\n\
    rootLogger.level = warn\n\
    rootLogger.appenderRef.console.ref = console\n\
    logger.natives.name = org.elasticsearch.bootstrap.Natives\n\
    logger.natives.level = error\n";

/// The disk watermarks are off: a laptop's disk is often fuller than they allow.
fn configuration(port: u16, dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "cluster.name: flashorder\n\
         node.name: local\n\
         path.data: {dir}/data\n\
         path.logs: {dir}/logs\n\
         network.host: 127.0.0.1\n\
         http.port: {port}\n\
         transport.port: 0\n\
         discovery.type: single-node\n\
         xpack.security.enabled: false\n\
         cluster.routing.allocation.disk.threshold_enabled: false\n"
    )
}

fn flags(program: &Path, dir: &Path) -> Vec<String> {
    let (program, dir) = (program.display(), dir.display());
    [
        "-Xmx512m",
        "-Xss1m",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-OmitStackTraceInFastThrow",
        "-Dfile.encoding=UTF-8",
        // Without its native library it cannot see that it runs as root, which it refuses; in a container there is
        // often no other user. The library only locks memory and sandboxes.
        "-Djna.nosys=true",
        "-Djna.nounpack=true",
        "--add-opens=java.base/java.io=ALL-UNNAMED",
        "-Djava.security.manager=allow",
        "-Djava.locale.providers=SPI,COMPAT",
        "-Dio.netty.noUnsafe=true",
        "-Dio.netty.noKeySetOptimization=true",
        "-Dio.netty.recycler.maxCapacityPerThread=0",
        "-Dio.netty.allocator.numDirectArenas=0",
        "-Dlog4j.shutdownHookEnabled=false",
        "-Dlog4j2.disable.jmx=true",
        "-Dlog4j2.formatMsgNoLookups=true",
        "-Des.distribution.flavor=default",
        "-Des.distribution.type=zip",
        "-Des.bundled_jdk=false",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([
        format!("-Djava.io.tmpdir={dir}/tmp"),
        format!("-Des.path.home={program}"),
        format!("-Des.path.conf={dir}/config"),
        "-cp".to_owned(),
        format!("{program}/lib/*"),
    ])
    .collect()
}

fn healthy(port: u16) -> Result<()> {
    let url = format!("http://127.0.0.1:{port}/_cluster/health?wait_for_status=yellow&timeout=1s");
    let mut response = ureq::get(&url)
        .config()
        .timeout_global(Some(Duration::from_secs(3)))
        .build()
        .call()?;
    let health: serde_json::Value = response.body_mut().read_json()?;
    let status = health["status"].as_str().unwrap_or("unknown");
    ensure!(
        matches!(status, "yellow" | "green"),
        "the cluster is {status}"
    );
    Ok(())
}
