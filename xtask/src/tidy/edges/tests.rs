//! Tests of `edges`.

use super::*;

fn package(name: &str, folder: &str, dependencies: &[(&str, bool)]) -> Package {
    Package {
        name: name.to_owned(),
        folder: folder.into(),
        is_component: folder.starts_with("functions/") && name != "guest",
        dependencies: dependencies
            .iter()
            .map(|(name, is_dev)| Dependency {
                name: (*name).to_owned(),
                is_dev: *is_dev,
            })
            .collect(),
    }
}

#[test]
fn what_the_table_allows_passes() {
    let packages = [
        package(
            "domain",
            "domain",
            &[("thiserror", false), ("proptest", true)],
        ),
        package(
            "create-order",
            "functions/create-order",
            &[("guest", false), ("domain", false)],
        ),
        package(
            "guest",
            "functions/guest",
            &[("domain", false), ("spin-sdk", false)],
        ),
    ];
    assert_eq!(check(&packages), Vec::<String>::new());
}

#[test]
fn a_forbidden_edge_is_named() {
    let packages = [
        package("domain", "domain", &[("serde", false)]),
        package(
            "create-order",
            "functions/create-order",
            &[("health", false), ("tokio", false)],
        ),
        package("health", "functions/health", &[("xtask", true)]),
        package("relay-worker", "relay-worker", &[("wasmtime-wasi", false)]),
        package("helpers", "helpers", &[]),
    ];
    assert_eq!(
        check(&packages),
        [
            "domain: must not depend on serde",
            "create-order: must not depend on health",
            "create-order: must not depend on tokio",
            "health: must not depend on xtask",
            "relay-worker: must not depend on wasmtime-wasi",
            "helpers: no rule says what it may depend on (tidy/edges.rs)",
        ]
    );
}
