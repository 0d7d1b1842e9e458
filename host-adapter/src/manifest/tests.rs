//! The manifest's golden folders: each `tests/manifests/CASE` of this crate holds a `spin.toml` and either the
//! `error.txt` it must be refused with or nothing, when it must be served.

use super::*;

fn cases() -> PathBuf {
    // Read at run time: in a target folder shared by checkouts, a path compiled in may be of another.
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("tests/manifests")
}

#[test]
fn every_case_is_served_or_refused_as_written() {
    let mut seen = 0;
    for entry in std::fs::read_dir(cases()).unwrap() {
        let folder = entry.unwrap().path();
        let got = Manifest::load(&folder, &[])
            .and_then(|manifest| crate::application::routes(&manifest).map(|_| ()))
            .err()
            .map(|e| e.to_string().replace(&folder.display().to_string(), "CASE"));
        let want = std::fs::read_to_string(folder.join("error.txt")).ok();
        assert_eq!(
            got.as_deref(),
            want.as_deref().map(str::trim_end),
            "{}",
            folder.display()
        );
        seen += 1;
    }
    assert!(seen >= 12, "the case folders are missing");
}

#[test]
fn a_full_manifest_is_understood() {
    let manifest = Manifest::load(&cases().join("full"), &[]).unwrap();
    assert_eq!(manifest.name, "shop");
    assert_eq!(manifest.base, "/api");
    assert_eq!(
        manifest.variables["mysql_urls"].default.as_deref(),
        Some("mysql://localhost/x")
    );
    assert_eq!(manifest.variables["token"].default, None);
    let ids: Vec<_> = manifest.components.iter().map(|c| c.id.as_str()).collect();
    assert_eq!(ids, ["orders", "assets"]);
    assert_eq!(manifest.routes.len(), 3);
    assert_eq!(manifest.components[1].mounts[0].1, "/www");
    assert_eq!(manifest.components[0].environment["MODE"], "fast");
    let [orders, assets] = [0, 1].map(|index| manifest.components[index].bounds);
    let most = orders.concurrent_requests_max.unwrap();
    assert_eq!(most.count(), crate::config::cores());
    assert_eq!(orders.instance_requests_max.unwrap().get(), 8);
    assert_eq!(orders.requests_per_second_max.unwrap().get(), 20_000);
    let breaker = orders.breaker.unwrap();
    assert_eq!(breaker.timeout_ms.get(), 1_000);
    assert_eq!(breaker.errors_percent.get(), 50);
    assert_eq!(breaker.requests_min.get(), 20);
    assert_eq!(breaker.open_ms.get(), 5_000);
    assert_eq!(assets.breaker, None);
    assert_eq!(assets.concurrent_requests_max.unwrap().count(), 2);
    assert_eq!(assets.instance_requests_max, None);
    assert_eq!(assets.requests_per_second_max, None);
}

#[test]
fn components_can_be_left_out() {
    let keep = ["assets".to_owned()];
    let manifest = Manifest::load(&cases().join("full"), &keep).unwrap();
    assert_eq!(manifest.components.len(), 1);
    assert_eq!(manifest.routes.len(), 1);
    let error = Manifest::load(&cases().join("full"), &["other".to_owned()]).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("command line: --component-id: \"other\""),
        "{error}"
    );
}
