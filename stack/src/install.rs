//! The programs the servers are made of: looked up on PATH, installed through apt where that is
//! possible, named in one line where it is not.

use crate::jars;
use crate::program;
use anyhow::{Context, Result, bail, ensure};
use rustix::process::geteuid;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const FRONTEND: &str = "DEBIAN_FRONTEND=noninteractive";

/// A program and the Debian package that brings it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The executable looked for.
    pub program: &'static str,
    /// The package installed where it is missing.
    pub package: &'static str,
}

/// MariaDB's server without its system service.
pub const MARIADB: [Need; 3] = [
    Need {
        program: "mariadbd",
        package: "mariadb-server-core",
    },
    Need {
        program: "mariadb-install-db",
        package: "mariadb-server-core",
    },
    Need {
        program: "mariadb",
        package: "mariadb-client-core",
    },
];
/// Redis.
pub const REDIS: [Need; 1] = [Need {
    program: "redis-server",
    package: "redis-server",
}];
/// RabbitMQ, with Erlang.
pub const RABBITMQ: [Need; 1] = [Need {
    program: "rabbitmq-server",
    package: "rabbitmq-server",
}];
/// What downloads and runs Kafka and Elasticsearch.
pub const JAVA: [Need; 2] = [
    Need {
        program: "java",
        package: "openjdk-17-jre-headless",
    },
    Need {
        program: "mvn",
        package: "maven",
    },
];
/// Node and its package manager.
pub const NODE: [Need; 2] = [
    Need {
        program: "node",
        package: "nodejs",
    },
    Need {
        program: "npm",
        package: "npm",
    },
];
/// The browser.
pub const CHROMIUM: [Need; 1] = [Need {
    program: "chromium",
    package: "chromium",
}];
/// What makes the programs of Go that tests use.
pub const GO: [Need; 1] = [Need {
    program: "go",
    package: "golang-go",
}];

/// Downloads Kafka and Elasticsearch from Maven Central into the user's cache, unless they are there.
///
/// # Errors
/// When Maven or a suitable Java is missing, or Maven fails.
pub fn jars(say: impl Fn(&str)) -> Result<()> {
    jars::java()?;
    if !jars::are_here()? {
        say("fetching Kafka and Elasticsearch from Maven Central (about 100 MB, once)");
    }
    jars::kafka()?;
    jars::elasticsearch()?;
    Ok(())
}

/// The packages of those programs that are not installed, each once.
pub fn missing(needs: &[Need]) -> Vec<&'static str> {
    let mut packages: Vec<_> = needs
        .iter()
        .filter(|need| program::find(need.program).is_err())
        .map(|need| need.package)
        .collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

/// Installs those of `needs` that are missing; `say` gets a line about each step, the rest of the output is apt's.
///
/// # Errors
/// One line naming the packages when they cannot be installed from here, or when apt fails.
pub fn ensure(needs: &[Need], say: impl Fn(&str)) -> Result<()> {
    let packages = missing(needs);
    if packages.is_empty() {
        return Ok(());
    }
    by_apt(&packages, say)?;
    let still = missing(needs);
    ensure!(
        still.is_empty(),
        "still missing after apt-get install: {}",
        still.join(" ")
    );
    Ok(())
}

/// Installs what Python makes virtual environments with, unless it is there: Debian has it in a package of its own.
///
/// # Errors
/// As [`ensure`].
pub fn python(say: impl Fn(&str)) -> Result<()> {
    let can = || {
        let mut command = Command::new("python3");
        let asked = command
            .args(["-c", "import ensurepip, venv"])
            .stderr(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    };
    if !can() {
        by_apt(&["python3-venv"], say)?;
        ensure!(
            can(),
            "python3 makes no virtual environments after apt-get install python3-venv"
        );
    }
    Ok(())
}

fn by_apt(packages: &[&str], say: impl Fn(&str)) -> Result<()> {
    let list = packages.join(" ");
    let Some(prefix) = apt() else {
        bail!("not installed, and there is no apt-get or right to use it: {list}");
    };
    say(&format!("installing through apt: {list}"));
    // A machine's package lists may be stale or, in an image, empty.
    let install = ["install", "-y", "--no-install-recommends"];
    if !run(&prefix, &install, packages)? {
        run(&prefix, &["update"], &[])?;
        ensure!(
            run(&prefix, &install, packages)?,
            "apt-get could not install: {list}"
        );
    }
    Ok(())
}

/// How apt-get is called here: by root, or through sudo where that needs no password or can ask for it.
fn apt() -> Option<Vec<PathBuf>> {
    // sudo drops the environment, so `env` sets the variable after it.
    let apt = vec![
        program::find("env").ok()?,
        FRONTEND.into(),
        program::find("apt-get").ok()?,
    ];
    if geteuid().is_root() {
        return Some(apt);
    }
    let sudo = program::find("sudo").ok()?;
    let silent = Command::new(&sudo)
        .args(["-n", "true"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    (silent || std::io::stdin().is_terminal()).then(|| [vec![sudo], apt].concat())
}

fn run(prefix: &[PathBuf], verb: &[&str], packages: &[&str]) -> Result<bool> {
    let [program, rest @ ..] = prefix else {
        bail!("nothing to run")
    };
    let status = Command::new(program)
        .args(rest)
        .args(["-o", "DPkg::Lock::Timeout=120", "-q"])
        .args(verb)
        .args(packages)
        .status()
        .context("cannot run apt-get")?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_names_its_package_once() {
        let needs = [
            Need {
                program: "no-such-program",
                package: "p",
            },
            Need {
                program: "nor-this-one",
                package: "p",
            },
            Need {
                program: "sh",
                package: "dash",
            },
        ];
        assert_eq!(missing(&needs), ["p"]);
    }

    #[test]
    fn a_missing_program_is_named() {
        assert_eq!(
            program::find("no-such-program").unwrap_err().to_string(),
            "no-such-program is not installed"
        );
    }
}
