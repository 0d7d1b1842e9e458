//! The allowed dependencies between packages. This table is the architecture: a new edge is a decision, made here.

use crate::checkout::{Dependency, Package};

/// A rule for one package, or for all of a kind.
struct Rule {
    /// The packages it applies to.
    who: Who,
    /// Packages of the workspace that it may use.
    inner: &'static [&'static str],
    /// Outside packages that it must not use directly, by the beginning of their names.
    never: &'static [&'static str],
    /// The only outside packages that it may use, where given.
    only: Option<&'static [&'static str]>,
}

#[derive(Clone, Copy)]
enum Who {
    Named(&'static str),
    Function,
    Probe,
}

const DRIVERS: [&str; 5] = ["tokio", "mysql_async", "sqlx", "redis", "rdkafka"];

const RULES: [Rule; 24] = [
    Rule {
        who: Who::Named("workspace-hack"),
        inner: &[],
        never: &DRIVERS,
        only: None,
    },
    Rule {
        who: Who::Named("domain"),
        inner: &[],
        never: &[],
        only: Some(&["thiserror"]),
    },
    Rule {
        who: Who::Named("http-rules"),
        inner: &[],
        never: &[],
        only: Some(&["http", "ipnet", "serde", "serde_json", "thiserror"]),
    },
    Rule {
        who: Who::Named("auth"),
        inner: &["domain", "http-rules"],
        never: &DRIVERS,
        only: None,
    },
    Rule {
        who: Who::Named("contract"),
        inner: &["domain"],
        never: &DRIVERS,
        only: None,
    },
    Rule {
        who: Who::Named("guest"),
        inner: &["auth", "domain", "contract", "http-rules"],
        never: &DRIVERS,
        only: None,
    },
    Rule {
        who: Who::Named("shop"),
        inner: &["domain", "contract", "guest"],
        never: &DRIVERS,
        only: None,
    },
    Rule {
        who: Who::Named("proto"),
        inner: &[],
        never: &DRIVERS,
        only: Some(&["prost", "prost-types", "tonic"]),
    },
    Rule {
        who: Who::Named("proto-generate"),
        inner: &[],
        never: &DRIVERS,
        only: None,
    },
    Rule {
        who: Who::Named("grpc"),
        inner: &["domain", "contract", "guest", "http-rules", "proto"],
        never: &DRIVERS,
        only: None,
    },
    // It issues what the others verify.
    Rule {
        who: Who::Named("login"),
        inner: &["auth", "domain", "contract", "guest", "http-rules"],
        never: &DRIVERS,
        only: None,
    },
    Rule {
        who: Who::Function,
        inner: &["domain", "contract", "grpc", "guest", "proto", "shop"],
        never: &DRIVERS,
        only: None,
    },
    Rule {
        who: Who::Probe,
        inner: &["guest"],
        never: &DRIVERS,
        only: None,
    },
    Rule {
        who: Who::Named("pools"),
        inner: &[],
        never: &["wasmtime", "spin-sdk", "sqlx", "rdkafka"],
        only: None,
    },
    Rule {
        who: Who::Named("host-adapter"),
        inner: &["http-rules", "pools", "workspace-hack"],
        never: &["spin-sdk", "sqlx", "rdkafka"],
        only: None,
    },
    Rule {
        who: Who::Named("relay-worker"),
        inner: &["auth", "domain", "contract", "workspace-hack"],
        never: &["wasmtime", "spin-sdk"],
        only: None,
    },
    Rule {
        who: Who::Named("stack"),
        inner: &[],
        never: &["wasmtime", "tokio"],
        only: None,
    },
    // It starts programs and sends requests, but contains none of their code.
    Rule {
        who: Who::Named("platform"),
        inner: &["stack"],
        never: &["wasmtime", "tokio", "sqlx", "rdkafka"],
        only: None,
    },
    Rule {
        who: Who::Named("tests"),
        inner: &["auth", "domain", "contract", "proto", "stack", "platform"],
        never: &["spin-sdk"],
        only: None,
    },
    Rule {
        who: Who::Named("bench"),
        inner: &["auth", "domain", "contract", "stack", "platform", "proto"],
        never: &["wasmtime", "spin-sdk"],
        only: None,
    },
    // It includes the functions as source files, not as packages.
    Rule {
        who: Who::Named("twin"),
        inner: &[
            "auth",
            "domain",
            "contract",
            "grpc",
            "guest",
            "http-rules",
            "pools",
            "proto",
            "shop",
        ],
        never: &["wasmtime", "sqlx", "rdkafka"],
        only: None,
    },
    // It describes these packages.
    Rule {
        who: Who::Named("reference"),
        inner: &[
            "contract",
            "host-adapter",
            "platform",
            "pools",
            "relay-worker",
            "stack",
        ],
        never: &["wasmtime", "tokio", "sqlx", "rdkafka"],
        only: None,
    },
    Rule {
        who: Who::Named("noop"),
        inner: &[],
        never: &DRIVERS,
        only: Some(&["spin-sdk"]),
    },
    Rule {
        who: Who::Named("xtask"),
        inner: &["auth", "domain", "http-rules", "stack"],
        never: &["wasmtime", "tokio", "sqlx", "rdkafka"],
        only: None,
    },
];

/// Every forbidden dependency, as a line for people. Dependencies of tests are free, except that nothing may use
/// `tests` and `xtask`.
pub fn check(packages: &[Package]) -> Vec<String> {
    packages
        .iter()
        .flat_map(|package| check_package(package, packages))
        .collect()
}

fn check_package(package: &Package, all: &[Package]) -> Vec<String> {
    let name = &package.name;
    let Some(rule) = RULES.iter().find(|rule| rule.who.is(package)) else {
        return vec![format!(
            "{name}: no rule says what it may depend on (tidy/edges.rs)"
        )];
    };
    package
        .dependencies
        .iter()
        .filter(|dependency| !rule.allows(dependency, all))
        .map(|dependency| format!("{name}: must not depend on {}", dependency.name))
        .collect()
}

impl Who {
    fn is(self, package: &Package) -> bool {
        match self {
            Self::Named(name) => package.name == name,
            Self::Function => package.is_component && package.folder.starts_with("functions"),
            Self::Probe => package.is_component && package.folder.starts_with("tests/components"),
        }
    }
}

impl Rule {
    fn allows(&self, dependency: &Dependency, all: &[Package]) -> bool {
        let name = dependency.name.as_str();
        if matches!(name, "tests" | "xtask") {
            return false;
        }
        if dependency.is_dev {
            return true;
        }
        if all.iter().any(|package| package.name == name) {
            return self.inner.contains(&name);
        }
        let is_banned = self.never.iter().any(|banned| name.starts_with(banned));
        !is_banned && self.only.is_none_or(|only| only.contains(&name))
    }
}

#[cfg(test)]
mod tests;
