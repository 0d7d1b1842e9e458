//! The programs the servers are made of: looked up on PATH, installed through apt where that is
//! possible, named in one line where it is not.

use std::env;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::geteuid;

use crate::jars;

/// Where distributions keep servers that an ordinary user's PATH leaves out.
const MORE_PATHS: [&str; 4] = [
    "/usr/sbin",
    "/usr/local/sbin",
    "/usr/libexec",
    "/usr/local/bin",
];

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
/// What Kafka and Elasticsearch are fetched with and run on.
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

/// Fetches Kafka and Elasticsearch from Maven Central into the user's cache, unless they are there.
///
/// # Errors
/// When Maven or a fitting Java is missing, or Maven fails.
pub fn jars(say: impl Fn(&str)) -> Result<()> {
    jars::java()?;
    if !jars::are_here()? {
        say("fetching Kafka and Elasticsearch from Maven Central (about 100 MB, once)");
    }
    jars::kafka()?;
    jars::elasticsearch()?;
    Ok(())
}

/// The path of an installed program.
///
/// # Errors
/// When it is not on PATH nor in the usual folders.
pub fn program(name: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(MORE_PATHS.iter().map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
        .with_context(|| format!("{name} is not installed"))
}

/// The packages of those programs that are not installed, each once.
pub fn missing(needs: &[Need]) -> Vec<&'static str> {
    let mut packages: Vec<_> = needs
        .iter()
        .filter(|need| program(need.program).is_err())
        .map(|need| need.package)
        .collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

/// Sees to it that `needs` are installed, saying through `say` what it does. Its output is apt's.
///
/// # Errors
/// One line naming the packages when they cannot be installed from here, or when apt fails.
pub fn ensure(needs: &[Need], say: impl Fn(&str)) -> Result<()> {
    let packages = missing(needs);
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    let Some(prefix) = apt() else {
        bail!("not installed, and there is no apt-get or right to use it: {list}");
    };
    say(&format!("installing through apt: {list}"));
    // A machine's package lists may be stale or, in an image, empty.
    let install = ["install", "-y", "--no-install-recommends"];
    if !run(&prefix, &install, &packages)? {
        run(&prefix, &["update"], &[])?;
        ensure!(
            run(&prefix, &install, &packages)?,
            "apt-get could not install: {list}"
        );
    }
    let still = missing(needs);
    ensure!(
        still.is_empty(),
        "still missing after apt-get install: {}",
        still.join(" ")
    );
    Ok(())
}

/// How apt-get may be called here: by root, or through sudo where it asks nothing or can ask.
fn apt() -> Option<Vec<PathBuf>> {
    // sudo drops the environment: the variable is set behind it.
    let apt = vec![
        program("env").ok()?,
        FRONTEND.into(),
        program("apt-get").ok()?,
    ];
    if geteuid().is_root() {
        return Some(apt);
    }
    let sudo = program("sudo").ok()?;
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
            program("no-such-program").unwrap_err().to_string(),
            "no-such-program is not installed"
        );
    }
}
